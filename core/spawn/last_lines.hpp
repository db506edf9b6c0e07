// What errors quote of a process's output.
#pragma once

#include <string>
#include <string_view>

namespace tractor::core {

/// The last whole lines of `text`, at most `limit` bytes, valid UTF-8, without a line break at the end. `cut`: the text has
/// lost its beginning already, so that its first line is not whole.
std::string last_lines(std::string_view text, bool cut, size_t limit);
/// The last one of them, for a message of one line.
std::string_view last_line(std::string_view lines);

}  // namespace tractor::core
