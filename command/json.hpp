// JSON of the command line to MessagePack, and back.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <tractor.h>

namespace tractor::command {

/// Nothing if it can't be sent; `why` says why. `{"$bin": "hex"}` and `{"$ext": [number, "hex"]}` become bytes and an
/// extension, as tractor_value_json() shows them.
std::optional<std::string> to_msgpack(const nlohmann::json& value, std::string& why);

/// A value on one line.
std::string to_text(const tractor_value* value);

/// A value of the runtime's own, such as a tree; null if it is not such a one.
nlohmann::json from_value(const tractor_value* value);

}  // namespace tractor::command
