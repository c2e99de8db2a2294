#include "report/text_table.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <string_view>
#include <utility>

#include <unistd.h>

#include <fmt/format.h>

namespace palimpsest {
namespace {

constexpr std::string_view kColumnGap = "  ";

bool utf8_locale() {
    // The first that is set and not empty decides, as in setlocale.
    for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
        const char* value = std::getenv(name);
        if (value != nullptr && *value != '\0') {
            std::string locale = value;
            std::transform(locale.begin(), locale.end(), locale.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
            return locale.find("utf-8") != std::string::npos || locale.find("utf8") != std::string::npos;
        }
    }
    return false;
}

bool colour_wanted() {
    const char* no_colour = std::getenv("NO_COLOR");
    const char* terminal = std::getenv("TERM");
    return (no_colour == nullptr || *no_colour == '\0') && terminal != nullptr && std::string_view(terminal) != "dumb";
}

std::string padded(const std::string& cell, std::size_t width, Align align) {
    const std::string blanks(width - std::min(width, display_width(cell)), ' ');
    return align == Align::left ? cell + blanks : blanks + cell;
}

std::string repeated(std::string_view piece, std::size_t times) {
    std::string text;
    for (std::size_t i = 0; i < times; ++i) {
        text += piece;
    }
    return text;
}

}  // namespace

TerminalStyle terminal_style(int descriptor) {
    if (::isatty(descriptor) == 0) {
        return {};
    }
    return {utf8_locale(), colour_wanted()};
}

std::string bold(const std::string& text, const TerminalStyle& style) {
    return style.colour ? "\033[1m" + text + "\033[0m" : text;
}

std::string dim(const std::string& text, const TerminalStyle& style) {
    return style.colour ? "\033[2m" + text + "\033[0m" : text;
}

std::string bar(double fraction, std::size_t width, const TerminalStyle& style) {
    const double length = std::clamp(fraction, 0.0, 1.0) * static_cast<double>(width);
    if (!style.unicode) {
        return std::string(static_cast<std::size_t>(std::lround(length)), '#');
    }
    static constexpr std::string_view kEighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    const auto eighths = static_cast<std::size_t>(std::lround(length * 8));
    return repeated("█", eighths / 8) + std::string(kEighths[eighths % 8]);
}

std::size_t display_width(const std::string& text) {
    std::size_t width = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\033') {
            i = std::min(text.find('m', i), text.size());
        } else if ((static_cast<unsigned char>(text[i]) & 0xc0U) != 0x80U) {
            ++width;  // not a continuation byte
        }
    }
    return width;
}

TextTable::TextTable(std::vector<std::string> headings, std::vector<Align> alignment)
    : alignment_(std::move(alignment)) {
    rows_.push_back(std::move(headings));
}

void TextTable::add_row(std::vector<std::string> cells) {
    cells.resize(alignment_.size());
    rows_.push_back(std::move(cells));
}

void TextTable::add_rule() {
    rows_.emplace_back();
}

std::vector<std::string> TextTable::lines(const TerminalStyle& style) const {
    std::vector<std::size_t> widths(alignment_.size(), 0);
    for (const auto& row : rows_) {
        for (std::size_t c = 0; c < row.size(); ++c) {
            widths[c] = std::max(widths[c], display_width(row[c]));
        }
    }
    std::size_t total = kColumnGap.size() * (widths.size() - 1);
    for (const std::size_t width : widths) {
        total += width;
    }
    const std::string rule = dim(repeated(style.unicode ? "─" : "-", total), style);
    std::vector<std::string> lines;
    for (std::size_t r = 0; r < rows_.size(); ++r) {
        if (rows_[r].empty()) {
            lines.push_back(rule);
            continue;
        }
        std::string line;
        for (std::size_t c = 0; c < rows_[r].size(); ++c) {
            line += c == 0 ? "" : kColumnGap;
            const std::string cell = padded(rows_[r][c], widths[c], alignment_[c]);
            line += r == 0 ? bold(cell, style) : cell;
        }
        lines.push_back(line);
        if (r == 0) {
            lines.push_back(rule);
        }
    }
    return lines;
}

std::vector<std::string> side_by_side(const std::vector<std::string>& left, const std::vector<std::string>& right,
                                      std::size_t gap) {
    std::size_t width = 0;
    for (const std::string& line : left) {
        width = std::max(width, display_width(line));
    }
    std::vector<std::string> lines;
    for (std::size_t i = 0; i < std::max(left.size(), right.size()); ++i) {
        const std::string& start = i < left.size() ? left[i] : std::string();
        lines.push_back(padded(start, width + gap, Align::left) + (i < right.size() ? right[i] : ""));
    }
    return lines;
}

std::string joined(const std::vector<std::string>& lines, std::size_t indent) {
    std::string text;
    for (const std::string& line : lines) {
        const std::size_t end = line.find_last_not_of(' ');
        if (end != std::string::npos) {
            text += std::string(indent, ' ') + line.substr(0, end + 1);
        }
        text += '\n';
    }
    return text;
}

std::vector<std::string> wrapped(const std::string& text, std::size_t width) {
    std::vector<std::string> lines;
    std::string line;
    std::size_t at = 0;
    while (at < text.size()) {
        const std::size_t end = std::min(text.find_first_of(" \n", at), text.size());
        const std::string word = text.substr(at, end - at);
        if (!line.empty() && display_width(line) + 1 + display_width(word) > width) {
            lines.push_back(line);
            line.clear();
        }
        if (!word.empty()) {
            line += (line.empty() ? "" : " ") + word;
        }
        if (end < text.size() && text[end] == '\n') {
            lines.push_back(line);
            line.clear();
        }
        at = end + 1;
    }
    if (!line.empty()) {
        lines.push_back(line);
    }
    return lines;
}

}  // namespace palimpsest
