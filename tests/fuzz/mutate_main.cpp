// Runs a fuzz entry without libFuzzer, always on the same inputs.
//
//   fuzz_NAME [MUTATIONS [SEED]]     the seeds, and that many random changes of them; exit 1 at a finding
//   fuzz_NAME --write-seeds FOLDER   the seeds as files, for libFuzzer
//   fuzz_NAME --input FILE           one input, such as a finding

#include <array>
#include <cctype>
#include <exception>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>

#include <fmt/format.h>

#include "fuzz/fuzz_entry.h"
#include "palimpsest/error.h"

namespace palimpsest {
namespace {

constexpr const char* kFinding = "finding";

/// Numbers, words and text that readers get wrong.
constexpr std::array<std::string_view, 22> kTokens{"0",
                                                   "-1",
                                                   "1",
                                                   "4294967296",
                                                   "18446744073709551615",
                                                   "18446744073709551616",
                                                   "1e999",
                                                   "0.5",
                                                   "null",
                                                   "true",
                                                   "\"\"",
                                                   "[]",
                                                   "{}",
                                                   "0x",
                                                   "\n",
                                                   "#",
                                                   "\0",
                                                   "|",
                                                   ":",
                                                   "\xff\xfe",
                                                   "{\"value\": 3}",
                                                   "9999999999999999999999999"};

class Mutator {
  public:
    Mutator(std::vector<std::string> seeds, std::uint64_t seed) : seeds_(std::move(seeds)), random_(seed) {}

    std::string next() {
        std::string input = any_seed();
        for (std::size_t changes = 1 + below(4); changes > 0; --changes) {
            change(input);
        }
        return input;
    }

  private:
    std::size_t below(std::size_t n) { return n == 0 ? 0 : random_() % n; }
    const std::string& any_seed() { return seeds_[below(seeds_.size())]; }

    /// A run of letters and digits of `text` around a random place.
    std::pair<std::size_t, std::size_t> any_word(const std::string& text) {
        const auto in_word = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; };
        std::size_t begin = below(text.size()), end = begin;
        while (begin < text.size() && !in_word(text[begin])) {
            ++begin;
        }
        end = begin;
        while (begin > 0 && in_word(text[begin - 1])) {
            --begin;
        }
        while (end < text.size() && in_word(text[end])) {
            ++end;
        }
        return {begin, end - begin};
    }

    void change(std::string& input) {
        const std::size_t at = below(input.size() + 1);
        const std::size_t length = below(std::min<std::size_t>(input.size() - at + 1, 40));
        switch (below(9)) {
            case 0:
                if (at < input.size()) {
                    input[at] = static_cast<char>(input[at] ^ (1 << below(8)));
                }
                break;
            case 1:
                input.insert(at, 1, static_cast<char>(random_()));
                break;
            case 2:
                input.erase(at, length);
                break;
            case 3:
                input.insert(at, input.substr(at, length));
                break;
            case 4:
                input.resize(at);
                break;
            case 5: {
                const std::string& other = any_seed();
                input.insert(at, other, below(other.size()), length);
                break;
            }
            case 6:
                input.insert(at, kTokens[below(kTokens.size())]);
                break;
            case 7: {
                const auto [begin, size] = any_word(input);
                input.replace(begin, size, kTokens[below(kTokens.size())]);
                break;
            }
            default: {
                const std::string& other = any_seed();
                const auto [from, count] = any_word(other);
                const std::string word = other.substr(from, count);
                const auto [begin, size] = any_word(input);
                input.replace(begin, size, word);
            }
        }
    }

    std::vector<std::string> seeds_;
    std::mt19937_64 random_;
};

/// Whether the input is read, or refused as it should; else keeps it as a file and says what went wrong.
bool survives(const std::string& input) {
    std::string what;
    try {
        fuzz_one(input);
        return true;
    } catch (const InputError&) {
        return true;
    } catch (const std::exception& error) {
        what = error.what();
    } catch (...) {
        what = "something that is no exception of the standard";
    }
    std::ofstream(kFinding, std::ios::binary) << input;
    fmt::print(stderr, "finding, kept as {}: {}\n", std::filesystem::absolute(kFinding).string(), what);
    return false;
}

int write_seeds(const std::filesystem::path& folder) {
    std::filesystem::create_directories(folder);
    std::size_t number = 0;
    for (const std::string& seed : fuzz_seeds()) {
        std::ofstream(folder / fmt::format("seed{}", number++), std::ios::binary) << seed;
    }
    return 0;
}

int run(const std::vector<std::string>& arguments) {
    if (arguments.size() == 2 && arguments[0] == "--write-seeds") {
        return write_seeds(arguments[1]);
    }
    if (arguments.size() == 2 && arguments[0] == "--input") {
        std::ostringstream text;
        text << std::ifstream(arguments[1], std::ios::binary).rdbuf();
        return survives(text.str()) ? 0 : 1;
    }
    const unsigned long mutations = arguments.empty() ? kFuzzMutations : std::stoul(arguments[0]);
    const std::vector<std::string> seeds = fuzz_seeds();
    for (const std::string& seed : seeds) {
        try {
            fuzz_one(seed);
        } catch (const std::exception& error) {
            fmt::print(stderr, "a seed is not valid: {}\n", error.what());
            return 1;
        }
    }
    Mutator mutator(seeds, arguments.size() > 1 ? std::stoul(arguments[1]) : 1);
    for (unsigned long i = 0; i < mutations; ++i) {
        if (!survives(mutator.next())) {
            return 1;
        }
    }
    fmt::print("{} seeds and {} mutations: no finding\n", seeds.size(), mutations);
    return 0;
}

}  // namespace
}  // namespace palimpsest

int main(int argc, char** argv) {
    return palimpsest::run({argv + 1, argv + argc});
}
