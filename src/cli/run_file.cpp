#include "cli/run_session.h"
#include "host/simulate.h"
#include "palimpsest/run.h"
#include "report/report_json.h"

namespace palimpsest {

RunOutcome run_file(const std::string& path, const std::vector<std::string>& overrides) {
    const RunConfig config = load_run_that_fits(path, overrides);
    const RunReport report = make_run_report(config, simulate(config));
    return {report.result, report.energy.joules, json_text(report_json(report))};
}

}  // namespace palimpsest
