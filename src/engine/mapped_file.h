#pragma once
// A file's bytes, read-only, mapped into memory.

#include <cstddef>
#include <memory>
#include <span>
#include <string>

namespace palimpsest {

class MappedFile {
  public:
    /// Throws InputError when `path` is not a readable file; `what` says what it should be ("a llama2.c checkpoint").
    MappedFile(const std::string& path, const std::string& what);
    ~MappedFile();
    MappedFile(const MappedFile&) = delete;
    MappedFile& operator=(const MappedFile&) = delete;

    std::span<const std::byte> bytes() const { return {static_cast<const std::byte*>(data_), size_}; }

  private:
    void* data_ = nullptr;
    std::size_t size_ = 0;
};

}  // namespace palimpsest
