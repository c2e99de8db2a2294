#include "config/cache_settings.h"

#include <fmt/format.h>

#include "config/field_io.h"
#include "config/loader.h"
#include "config/overrides.h"
#include "config/policy_defaults.h"
#include "config/schema.h"

namespace palimpsest {

CacheConfig load_cache(const std::vector<std::string>& settings) {
    const Schemas schemas(configs_directory() + "/schema");
    Diagnostics diagnostics;
    Json document{{"cache", Json::object()}};
    for (const Override& setting : parse_overrides(settings, diagnostics)) {
        if (!setting.path.starts_with("cache.")) {
            diagnostics.add(kOverrideFile, setting.path, "is no setting of the cache",
                            "a path below cache, as in cache.scope=layer");
            continue;
        }
        apply_override(schemas, setting, document, diagnostics);
    }
    schemas.validate("run", document, locate_in(kOverrideFile), diagnostics);
    diagnostics.throw_if_any();
    CacheConfig cache;
    read_fields(document["cache"], cache);
    apply_policy_defaults(cache);
    read_fields(document["cache"], cache);  // what was asked for goes before the policy's own
    return cache;
}

}  // namespace palimpsest
