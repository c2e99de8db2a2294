#pragma once
// Text for a terminal: tables, bars, and how much of that the terminal can show.

#include <cstdint>
#include <string>
#include <vector>

namespace palimpsest {

struct TerminalStyle {
    bool unicode = false;  ///< box drawing and blocks; else plain ASCII
    bool colour = false;
};

/// Of the stream behind `descriptor`: box drawing on a terminal with a UTF-8 locale, colour unless NO_COLOR is set or
/// TERM is dumb; neither for what is not a terminal.
TerminalStyle terminal_style(int descriptor);

std::string bold(const std::string& text, const TerminalStyle& style);
std::string dim(const std::string& text, const TerminalStyle& style);
/// A bar of `width` columns, filled for `fraction` of it.
std::string bar(double fraction, std::size_t width, const TerminalStyle& style);
/// Columns that `text` takes: UTF-8 characters, without colour sequences.
std::size_t display_width(const std::string& text);

enum class Align : std::uint8_t { left, right };

/// A table with a heading row and a rule under it; columns as wide as their widest cell.
class TextTable {
  public:
    TextTable(std::vector<std::string> headings, std::vector<Align> alignment);

    void add_row(std::vector<std::string> cells);
    /// A rule, such as above a sum.
    void add_rule();
    std::vector<std::string> lines(const TerminalStyle& style) const;

  private:
    std::vector<Align> alignment_;
    std::vector<std::vector<std::string>> rows_;  ///< the first is the heading; an empty one is a rule
};

/// Two blocks of lines beside one another.
std::vector<std::string> side_by_side(const std::vector<std::string>& left, const std::vector<std::string>& right,
                                      std::size_t gap);
/// Each line after `indent` blanks, trailing blanks cut.
std::string joined(const std::vector<std::string>& lines, std::size_t indent);

/// Text broken into lines of at most `width` columns at blanks.
std::vector<std::string> wrapped(const std::string& text, std::size_t width);

}  // namespace palimpsest
