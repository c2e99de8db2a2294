// Gives a fuzz entry to libFuzzer.

#include <cstddef>
#include <cstdint>

#include "fuzz/fuzz_entry.h"
#include "palimpsest/error.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    try {
        palimpsest::fuzz_one({reinterpret_cast<const char*>(data), size});
    } catch (const palimpsest::InputError&) {  // as it should
    }
    return 0;
}
