#include "common/atomic_file.h"

#include <cerrno>
#include <cstring>
#include <filesystem>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include "palimpsest/error.h"

namespace palimpsest {
namespace {

constexpr std::size_t kBufferBytes = 1 << 16;

/// Follows a symbolic link, so that renaming replaces the file and not the link to it.
std::string resolve(const std::string& path) {
    std::error_code error;
    const std::filesystem::path target = std::filesystem::canonical(path, error);
    return error ? path : target.string();
}

bool exists_and_is_not_regular(const std::string& path) {
    struct stat status {};
    return ::stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode);
}

std::string directory_of(const std::string& path) {
    const std::string parent = std::filesystem::path(path).parent_path().string();
    return parent.empty() ? "." : parent;
}

/// A new file beside `target`, whose name says whose it is should the program be killed.
int open_temporary(const std::string& target, std::string& name) {
    for (int attempt = 0;; ++attempt) {
        name = fmt::format("{}.{}.{}.tmp", target, ::getpid(), attempt);
        const int descriptor = ::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (descriptor >= 0 || errno != EEXIST || attempt == 100) {
            return descriptor;
        }
    }
}

}  // namespace

AtomicFile::AtomicFile(const std::string& path) : path_(path), target_(resolve(path)) {
    if (exists_and_is_not_regular(target_)) {
        descriptor_ = ::open(target_.c_str(), O_WRONLY | O_CLOEXEC);
    } else {
        descriptor_ = open_temporary(target_, temporary_);
    }
    if (descriptor_ < 0) {
        const int error = errno;
        temporary_.clear();
        fail("create", error);
    }
}

AtomicFile::~AtomicFile() {
    if (descriptor_ >= 0) {
        ::close(descriptor_);
        if (!temporary_.empty()) {
            ::unlink(temporary_.c_str());
        }
    }
}

void AtomicFile::write(std::string_view bytes) {
    buffer_ += bytes;
    if (buffer_.size() >= kBufferBytes) {
        flush();
    }
}

void AtomicFile::flush() {
    std::size_t done = 0;
    while (done < buffer_.size()) {
        const ssize_t n = ::write(descriptor_, buffer_.data() + done, buffer_.size() - done);
        if (n < 0 && errno != EINTR) {
            fail("write", errno);
        }
        done += n > 0 ? static_cast<std::size_t>(n) : 0;
    }
    buffer_.clear();
}

void AtomicFile::commit() {
    flush();
    if (temporary_.empty()) {
        ::close(descriptor_);
        descriptor_ = -1;
        return;
    }
    if (::fsync(descriptor_) != 0) {
        fail("write", errno);
    }
    if (::rename(temporary_.c_str(), target_.c_str()) != 0) {
        fail("write", errno);
    }
    ::close(descriptor_);
    descriptor_ = -1;
    // The new name is in the directory; a file system that cannot flush one is left to itself.
    const int directory = ::open(directory_of(target_).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory >= 0) {
        ::fsync(directory);
        ::close(directory);
    }
}

void AtomicFile::fail(const char* action, int error) const {
    throw SimulationError(fmt::format("{}: cannot {} the file: {}", path_, action, std::strerror(error)));
}

void write_file_atomically(const std::string& path, std::string_view content) {
    AtomicFile file(path);
    file.write(content);
    file.commit();
}

void prepare_output_directory(const std::string& directory) {
    std::error_code error;
    std::filesystem::create_directories(directory, error);
    if (error) {
        throw SimulationError(fmt::format("{}: cannot create the directory: {}", directory, error.message()));
    }
    const AtomicFile probe((std::filesystem::path(directory) / "writable").string());
}

}  // namespace palimpsest
