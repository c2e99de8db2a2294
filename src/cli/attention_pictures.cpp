#include "cli/attention_pictures.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

namespace palimpsest {
namespace {

constexpr std::array<const char*, 9> kBars = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
constexpr std::array<const char*, 5> kShades = {" ", "░", "▒", "▓", "█"};

/// The level of `value` among `levels`, of which 0 stands for nothing at all.
std::size_t level(double value, double highest, std::size_t levels) {
    if (value <= 0 || highest <= 0) {
        return 0;
    }
    const double scaled = std::sqrt(value / highest) * static_cast<double>(levels - 1);
    return std::clamp<std::size_t>(static_cast<std::size_t>(std::lround(scaled)), 0, levels - 1);
}

}  // namespace

std::string picture_of_row(std::span<const Probability> row, std::uint32_t columns) {
    const std::size_t width = std::min<std::size_t>(columns, row.size());
    std::vector<double> mass(width);
    for (std::size_t key = 0; key < row.size(); ++key) {
        mass[key * width / row.size()] += row[key];
    }
    const double highest = *std::ranges::max_element(mass);
    std::string picture;
    for (const double m : mass) {
        picture += kBars[level(m, highest, kBars.size())];
    }
    return picture;
}

std::string picture_of_head(AttentionSource& source, std::uint32_t sequence, std::uint32_t layer, std::uint32_t head,
                            std::uint32_t rows, std::uint32_t columns) {
    const std::uint32_t length = source.length();
    const std::size_t height = std::min(rows, length);
    const std::size_t width = std::min(columns, length);
    std::vector<double> mass(height * width);
    std::vector<double> queries(height);
    std::vector<Probability> row;
    for (std::uint32_t position = 0; position < length; ++position) {
        row.resize(std::size_t{position} + 1);
        source.row(sequence, layer, head, position, row);
        const std::size_t line = position * height / length;
        queries[line] += 1;
        for (std::size_t key = 0; key < row.size(); ++key) {
            mass[line * width + key * width / length] += row[key];
        }
    }
    for (std::size_t cell = 0; cell < mass.size(); ++cell) {
        mass[cell] /= queries[cell / width];
    }
    const double highest = *std::ranges::max_element(mass);
    std::string picture;
    for (std::size_t line = 0; line < height; ++line) {
        std::string shades;
        std::size_t used = 0;  // without trailing blanks
        for (std::size_t column = 0; column < width; ++column) {
            const std::size_t shade = level(mass[line * width + column], highest, kShades.size());
            shades += kShades[shade];
            used = shade > 0 ? shades.size() : used;
        }
        picture += shades.substr(0, used) + "\n";
    }
    return picture;
}

std::string printable(const std::string& text) {
    std::string result;
    for (const char c : text) {
        if (c == '\n') {
            result += "\\n";
        } else {
            result += static_cast<unsigned char>(c) < 0x20 ? '?' : c;
        }
    }
    return result;
}

}  // namespace palimpsest
