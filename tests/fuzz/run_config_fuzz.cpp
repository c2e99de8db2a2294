// Any bytes as a run file.

#include "config/loader.h"
#include "config/validate.h"
#include "fuzz/fuzz_entry.h"
#include "support/scratch_directory.h"

namespace palimpsest {

const unsigned kFuzzMutations = 200;

void fuzz_one(std::string_view input) {
    const InputFile file(input);
    load_run_config(file.path());
}

std::vector<std::string> fuzz_seeds() {
    return {content_of(configs_directory() + "/examples/tiny.json"),
            content_of(configs_directory() + "/examples/operators.json"),
            R"({"model": "gpt2-small", "dram": {"base": "hbm2", "mapping": "row|bank|bankgroup|column|channel"},
                "cache": {"policy": "window", "budget": 32}, "hardware": {"base": "default"},
                "attention": {"source": "synthetic", "sink_tokens": 3}})"};
}

}  // namespace palimpsest
