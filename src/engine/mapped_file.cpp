#include "engine/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "palimpsest/error.h"

namespace palimpsest {
namespace {

struct Descriptor {
    int number;
    ~Descriptor() {
        if (number >= 0) {
            ::close(number);
        }
    }
};

}  // namespace

MappedFile::MappedFile(const std::string& path, const std::string& what) {
    const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
    struct stat status {};
    if (file.number < 0 || ::fstat(file.number, &status) != 0) {
        throw InputError(path, "", std::string("cannot be opened (") + std::strerror(errno) + ")", what);
    }
    if (!S_ISREG(status.st_mode)) {
        throw InputError(path, "", "is not a regular file", what);
    }
    size_ = static_cast<std::size_t>(status.st_size);
    if (size_ == 0) {
        return;  // an empty file cannot be mapped; its reader says what is missing
    }
    void* mapping = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file.number, 0);
    if (mapping == MAP_FAILED) {
        throw InputError(path, "", std::string("cannot be mapped (") + std::strerror(errno) + ")", what);
    }
    data_ = mapping;
}

MappedFile::~MappedFile() {
    if (data_ != nullptr) {
        ::munmap(data_, size_);
    }
}

}  // namespace palimpsest
