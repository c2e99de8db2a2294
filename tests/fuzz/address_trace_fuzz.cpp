// Any bytes as an address trace, plain and compressed, played on a small DRAM.

#include "common/compressed_output.h"
#include "fuzz/fuzz_entry.h"
#include "hardware/dram/trace_player.h"
#include "palimpsest/error.h"
#include "support/scratch_directory.h"

namespace palimpsest {
namespace {

DramConfig small_dram() {
    DramConfig config;
    config.organisation.rows = 1024;
    config.organisation.columns = 128;
    return config;
}

std::string compressed(const std::string& text, const std::string& name) {
    const ScratchDirectory scratch;
    CompressedOutput output(scratch / name);
    output.write(text);
    output.commit();
    return content_of(scratch / name);
}

}  // namespace

const unsigned kFuzzMutations = 20000;

void fuzz_one(std::string_view input) {
    static const DramConfig config = small_dram();
    constexpr DramClock kLastPlayed = 1'000'000;  // a far cycle takes its time, which is no finding
    const InputFile file(input);
    AddressTraceReader reader(file.path(), {.capacity = config.organisation.bytes(), .request_bytes = 64});
    DramSystem dram(config);
    TracePlayer player(dram, 64);
    while (true) {
        const std::span<const AddressRequest> requests = reader.next();
        if (requests.empty()) {
            break;
        }
        for (const AddressRequest& request : requests) {
            if (request.cycle == AddressRequest::kNoCycle || request.cycle <= kLastPlayed) {
                player.play({&request, 1});
            }
        }
    }
    const TraceResult& result = player.finish();
    if (result.reads + result.writes > reader.requests()) {
        throw std::logic_error("more requests were played than read");
    }
}

std::vector<std::string> fuzz_seeds() {
    std::string text = "# a trace\n";
    for (int i = 0; i < 300; ++i) {
        text += (i % 3 == 2 ? "W " : "R 0x") + std::to_string(i * 4096 % 65536) + (i % 2 == 0 ? "\n" : "\r\n");
    }
    return {"R 0x1f40\nW 1f80\n", "R 0 1\nw 40 2\nr 80 2\n\n# note\nW c0 900 # note\nR 100\n", text,
            compressed(text, "seed.gz"), compressed(text, "seed.zst")};
}

}  // namespace palimpsest
