// What the command says: lines on stdout for programs and people, complaints on stderr.
#pragma once

#include <string>
#include <string_view>
#include <tractor.h>

namespace tractor::command {

/// What a text stands out by, on a terminal.
enum class Paint { plain, bold, dim, red };

/// The text in colours if `fd` is a terminal that wants them; NO_COLOR in the environment forbids it.
std::string painted(Paint paint, std::string_view text, int fd);

/// A text of somebody else's as it may stand on a terminal: control characters, and what is no UTF-8, as \xNN.
std::string shown(std::string_view text);

/// Writes a line to stdout at once. An errno, EPIPE if nobody reads it any more; 0 if it is written.
int write_line(std::string_view text);

/// "tractor: ..." on stderr.
void complain(std::string_view text);
/// A whole error on stderr, with the way that it came.
void tell_in_full(const tractor_error* err);

}  // namespace tractor::command
