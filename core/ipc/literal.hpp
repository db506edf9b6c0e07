// Python's text form of strings, in which the original passes addresses and identities on a command line.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"

namespace tractor::core {

/// Appends `text` quoted as Python's repr() would, but leaves every well-formed UTF-8 character beyond ASCII as it is.
/// A byte that is not UTF-8 becomes the surrogate that Python's file names carry it in.
void append_literal(std::string& out, std::string_view text);

/// Reads single- or double-quoted text with escapes off the front of `in`, the other way round. The failure says what
/// is wrong with it.
Result<std::string> take_literal(std::string_view& in);

/// Takes blanks, then `c`, off the front of `in`; false if something else is there.
bool take_token(std::string_view& in, char c);

}  // namespace tractor::core
