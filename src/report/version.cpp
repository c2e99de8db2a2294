#include "report/version.h"

#if __has_include(<palimpsest_git.h>)
#include <palimpsest_git.h>  // written by the build
#endif

namespace palimpsest {

std::string tool_version() {
    return PALIMPSEST_VERSION;
}

std::string tool_git() {
#ifdef PALIMPSEST_GIT
    return PALIMPSEST_GIT;
#else
    return "unknown";
#endif
}

}  // namespace palimpsest
