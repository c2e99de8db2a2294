#pragma once
// Output files that are either whole or absent: written under a temporary name in the same directory, flushed to disk
// and renamed. What is not a regular file (a pipe, /dev/stdout) is written in place.
//
//     AtomicFile file("out/report.json");
//     file.write(text);
//     file.commit();

#include <cstddef>
#include <string>
#include <string_view>

namespace palimpsest {

/// Every failure throws SimulationError with the path and the system's reason. Without `commit` nothing remains.
class AtomicFile {
  public:
    explicit AtomicFile(const std::string& path);
    ~AtomicFile();
    AtomicFile(const AtomicFile&) = delete;
    AtomicFile& operator=(const AtomicFile&) = delete;

    void write(std::string_view bytes);
    /// Makes the file appear under its name, replacing what was there.
    void commit();

  private:
    void flush();
    [[noreturn]] void fail(const char* action, int error) const;

    std::string path_;       ///< as given
    std::string target_;     ///< with symbolic links followed
    std::string temporary_;  ///< empty when written in place
    std::string buffer_;
    int descriptor_ = -1;
};

void write_file_atomically(const std::string& path, std::string_view content);

/// Creates `directory` and its parents where they are missing, and finds out now, before a long run, whether a file can
/// be written there.
void prepare_output_directory(const std::string& directory);

}  // namespace palimpsest
