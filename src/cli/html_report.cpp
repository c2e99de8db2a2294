#include "cli/html_report.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <vector>

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>

#include "common/atomic_file.h"
#include "palimpsest/error.h"

extern char** environ;  // NOLINT(readability-redundant-declaration): not in every libc's unistd.h

namespace palimpsest {
namespace {

namespace fs = std::filesystem;

constexpr const char* kMaker = "report-page";
constexpr int kCannotStart = 127;

std::string find_maker() {
    std::error_code error;
    if (const char* set = std::getenv("PALIMPSEST_SCRIPTS"); set != nullptr && *set != '\0') {
        const fs::path maker = fs::path(set) / kMaker;
        if (!fs::exists(maker, error)) {
            throw SimulationError(
                fmt::format("--report: PALIMPSEST_SCRIPTS is \"{}\", where there is no {}", set, kMaker));
        }
        return maker.string();
    }
    for (fs::path folder = fs::read_symlink("/proc/self/exe", error).parent_path(); !folder.empty();
         folder = folder.parent_path()) {
        for (const fs::path& scripts : {folder / "scripts", folder / "share" / "palimpsest" / "scripts"}) {
            if (fs::exists(scripts / kMaker, error)) {
                return (scripts / kMaker).string();
            }
        }
        if (folder == folder.root_path()) {
            break;
        }
    }
    const fs::path source = fs::path(PALIMPSEST_SOURCE_SCRIPTS) / kMaker;
    if (!fs::exists(source, error)) {
        throw SimulationError(
            fmt::format("--report: there is no {}; PALIMPSEST_SCRIPTS may name its folder", source.string()));
    }
    return source.string();
}

/// The exit status of `arguments[0]`, whose output goes where ours does; kCannotStart where it could not be started.
int status_of(std::vector<std::string> arguments) {
    std::vector<char*> pointers;
    pointers.reserve(arguments.size() + 1);
    for (std::string& argument : arguments) {
        pointers.push_back(argument.data());
    }
    pointers.push_back(nullptr);
    pid_t child = 0;
    if (posix_spawn(&child, pointers[0], nullptr, nullptr, pointers.data(), environ) != 0) {
        return kCannotStart;
    }
    int status = 0;
    while (waitpid(child, &status, 0) < 0) {
        if (errno != EINTR) {
            return kCannotStart;
        }
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

HtmlReport::HtmlReport(const std::string& page) : page_(page) {
    const std::string extension = fs::path(page).extension().string();
    if (extension != ".html" && extension != ".htm") {
        throw InputError("--report", "", fmt::format("\"{}\" is no name of a page", page), "a file that ends in .html");
    }
    maker_ = find_maker();
    const int status = status_of({maker_, "--check"});
    if (status == kCannotStart) {
        throw SimulationError(
            fmt::format("--report: {} cannot be started; it takes Python 3 (Debian: python3)", maker_));
    }
    if (status != 0) {  // it has said why
        throw SimulationError(
            "--report: pages cannot be made here (above); without --report the run needs nothing more");
    }
    const AtomicFile probe(page_);
}

std::string HtmlReport::report_beside() const {
    return fs::path(page_).replace_extension(".json").string();
}

void HtmlReport::write(const std::string& report_json) const {
    // Absolute, so that no name is taken for an option.
    const int status = status_of({maker_, fs::absolute(report_json).string(), "-o", fs::absolute(page_).string()});
    if (status != 0) {
        throw SimulationError(
            fmt::format("{}: the page could not be made (exit status {} of {}); the results are in {}", page_, status,
                        maker_, report_json));
    }
}

}  // namespace palimpsest
