// Layer lists as SCALE-Sim takes them, one CSV row a layer.
#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <sstream>

#include <fmt/format.h>

#include "config/diagnostics.h"
#include "config/operators.h"
#include "palimpsest/error.h"

namespace palimpsest {
namespace {

constexpr const char* kAcceptedHeaders =
    "a header \"Layer, M, N, K,\" or \"Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, "
    "Num Filter, Strides,\"";
constexpr std::uint64_t kLargest = std::uint64_t{1} << 24;

/// Without surrounding blanks and the carriage return of a Windows line.
std::string trimmed(const std::string& text) {
    const char* blanks = " \t\r\"";
    const std::size_t first = text.find_first_not_of(blanks);
    return first == std::string::npos ? "" : text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

/// Cells of a row; the comma that closes it opens no further cell.
std::vector<std::string> cells_of(const std::string& line) {
    std::vector<std::string> cells;
    std::istringstream stream(line);
    for (std::string cell; std::getline(stream, cell, ',');) {
        cells.push_back(trimmed(cell));
    }
    while (!cells.empty() && cells.back().empty()) {
        cells.pop_back();
    }
    return cells;
}

/// Column names are compared without case, blanks and plural: "Num Filter", "num filters".
std::string column_key(const std::string& name) {
    std::string key;
    for (const char c : name) {
        if (std::isalnum(static_cast<unsigned char>(c)) != 0) {
            key += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
        }
    }
    if (key.size() > 1 && key.back() == 's') {
        key.pop_back();
    }
    return key;
}

class LayerReader {
  public:
    LayerReader(std::string file, bool operands_ready) : file_(std::move(file)), operands_ready_(operands_ready) {}

    void header(const std::string& line, std::size_t number) {
        const std::vector<std::string> cells = cells_of(line);
        for (std::size_t i = 0; i < cells.size(); ++i) {
            columns_[column_key(cells[i])] = i;
        }
        width_ = cells.size();
        const bool named = columns_.contains("layer") || columns_.contains("layername");
        const auto has_all = [this](const std::vector<const char*>& keys) {
            return std::all_of(keys.begin(), keys.end(), [this](const char* key) { return columns_.contains(key); });
        };
        gemm_ = columns_.size() == 4 && has_all({"m", "n", "k"});
        const bool convolution = columns_.size() == 8 && has_all({"ifmapheight", "ifmapwidth", "filterheight",
                                                                  "filterwidth", "channel", "numfilter", "stride"});
        if (!named || (!gemm_ && !convolution)) {
            fail(number, line, kAcceptedHeaders);
        }
    }

    OperatorSpec row(const std::string& line, std::size_t number) const {
        const std::vector<std::string> cells = cells_of(line);
        if (cells.size() != width_) {
            fail(number, line, fmt::format("{} cells, as in the header", width_));
        }
        const auto cell = [&](const char* key) { return value_of(cells[columns_.at(key)], key, line, number); };
        const std::size_t name = columns_.contains("layer") ? columns_.at("layer") : columns_.at("layername");
        if (cells[name].empty()) {
            fail(number, line, "a layer name");
        }
        GemmOperator product;
        if (gemm_) {
            product = {cell("m"), cell("k"), cell("n")};
        } else {
            const std::uint64_t stride = cell("stride");
            product.m = outputs(cell("ifmapheight"), cell("filterheight"), stride, line, number) *
                        outputs(cell("ifmapwidth"), cell("filterwidth"), stride, line, number);
            product.k = cell("filterheight") * cell("filterwidth") * cell("channel");
            product.n = cell("numfilter");
            if (product.m > kLargest || product.k > kLargest) {
                fail(number, line, fmt::format("a layer whose im2col product has at most {} rows and depth", kLargest));
            }
        }
        return {cells[name], product, operands_ready_};
    }

  private:
    [[noreturn]] void fail(std::size_t number, const std::string& line, const std::string& accepted) const {
        throw InputError(file_, fmt::format("line {}", number), fmt::format("\"{}\"", trimmed(line)), accepted);
    }

    std::uint64_t value_of(const std::string& text, const char* key, const std::string& line,
                           std::size_t number) const {
        std::uint64_t value = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
        if (error != std::errc{} || end != text.data() + text.size() || value == 0 || value > kLargest) {
            fail(number, line, fmt::format("an integer, 1 to {}, for {} (here \"{}\")", kLargest, key, text));
        }
        return value;
    }

    /// Places that a filter takes along one dimension.
    std::uint64_t outputs(std::uint64_t input, std::uint64_t filter, std::uint64_t stride, const std::string& line,
                          std::size_t number) const {
        if (filter > input) {
            fail(number, line, "a filter that is no larger than its input");
        }
        return (input - filter) / stride + 1;
    }

    std::string file_;
    bool operands_ready_;
    std::map<std::string, std::size_t> columns_;
    std::size_t width_ = 0;
    bool gemm_ = false;
};

}  // namespace

std::vector<OperatorSpec> parse_layers_csv(const std::string& text, const std::string& file, bool operands_ready) {
    LayerReader reader(file, operands_ready);
    std::vector<OperatorSpec> operators;
    std::istringstream stream(text);
    std::size_t number = 0;
    bool header_seen = false;
    for (std::string line; std::getline(stream, line);) {
        ++number;
        if (cells_of(line).empty()) {
            continue;
        }
        if (header_seen) {
            operators.push_back(reader.row(line, number));
        } else {
            reader.header(line, number);
            header_seen = true;
        }
    }
    if (operators.empty()) {
        throw InputError(file, header_seen ? fmt::format("line {}", number) : "", "holds no layers",
                         header_seen ? "at least one row below the header" : kAcceptedHeaders);
    }
    return operators;
}

std::vector<OperatorSpec> read_layers_csv(const std::string& file, bool operands_ready) {
    return parse_layers_csv(read_text_file(file), file, operands_ready);
}

}  // namespace palimpsest
