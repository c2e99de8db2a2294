#pragma once
// What each file NAME_fuzz.cpp here defines: a reader of what users give, fed with any bytes.
//
// Two programs are made from each: fuzz_NAME, an ordinary test that mutates the seeds a few thousand times
// (mutate_main.cpp), and with PALIMPSEST_FUZZ NAME_fuzzer, which libFuzzer drives (libfuzzer_main.cpp; scripts/fuzz).

#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include <sys/mman.h>
#include <unistd.h>

namespace palimpsest {

/// Reads one input and does with it what the program would. It throws InputError for what it refuses; any other
/// exception, and all that a sanitizer says, is a finding.
void fuzz_one(std::string_view input);

/// Valid inputs to start from.
std::vector<std::string> fuzz_seeds();

/// How many mutations the ordinary test tries: as many as take a second or two.
extern const unsigned kFuzzMutations;

/// An input as a file, for readers that want a path; gone with its owner.
class InputFile {
  public:
    explicit InputFile(std::string_view content) : descriptor_(::memfd_create("fuzz", MFD_CLOEXEC)) {
        if (descriptor_ < 0 ||
            ::write(descriptor_, content.data(), content.size()) != static_cast<ssize_t>(content.size()) ||
            ::lseek(descriptor_, 0, SEEK_SET) != 0) {
            std::abort();
        }
    }
    ~InputFile() { ::close(descriptor_); }
    InputFile(const InputFile&) = delete;
    InputFile& operator=(const InputFile&) = delete;

    std::string path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }

  private:
    int descriptor_;
};

}  // namespace palimpsest
