#pragma once
// The page of a run, report.html: made from report.json by scripts/report-page, with the pictures of scripts/plot.

#include <string>

namespace palimpsest {

/// Finds the page maker and sees whether it can work (Python, matplotlib). Looked for in $PALIMPSEST_SCRIPTS, then in
/// folders `scripts` and `share/palimpsest/scripts` above the program, then in the source tree it was built from.
class HtmlReport {
  public:
    /// Throws InputError where `page` is no name of a page (.html, .htm), SimulationError where no page can be made or
    /// written there: before the simulation, not after.
    explicit HtmlReport(const std::string& page);

    /// Makes the page from a report.json; whole or not at all. Throws SimulationError, which names the report, since
    /// that remains.
    void write(const std::string& report_json) const;

    /// Where report.json goes when nothing else says so: beside the page, as NAME.json.
    std::string report_beside() const;

  private:
    std::string page_;
    std::string maker_;
};

}  // namespace palimpsest
