// Exception type names known to this program: Python's builtins, the runtime's own, and what was registered.
#pragma once

#include <string_view>

namespace tractor::core {

/// True if `name` is a known exception type. A boxed error of an unknown type keeps its name as text only.
bool known_error_type(std::string_view name);
/// Adds one; false if it is known already. Any thread; for the life of the process.
bool register_error_type(std::string_view name);
/// The name under which a status travels ("ContextCancelled", "TransportClosed", "RuntimeError", …).
const char* type_of(int status);
/// The status that a boxed type name stands for; Status::remote's number for everything else.
int status_of(std::string_view type_name);

/// The text of "type unknown because there was no message": the protocol's literal.
constexpr const char* kUnknownType = "<unknown>";

}  // namespace tractor::core
