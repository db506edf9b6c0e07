#include "fault/types.hpp"

#include <algorithm>
#include <array>
#include <mutex>
#include <new>
#include <set>
#include <string>

#include "base/status.hpp"

namespace tractor::core {
namespace {

using namespace std::string_view_literals;

// clang-format off

// Sorted, for the binary search below. Warnings are exceptions too in Python.
constexpr std::array kBuiltins = {
    "ArithmeticError"sv, "AssertionError"sv, "AttributeError"sv, "BaseException"sv, "BaseExceptionGroup"sv,
    "BlockingIOError"sv, "BrokenPipeError"sv, "BufferError"sv, "BytesWarning"sv, "ChildProcessError"sv,
    "ConnectionAbortedError"sv, "ConnectionError"sv, "ConnectionRefusedError"sv, "ConnectionResetError"sv,
    "DeprecationWarning"sv, "EOFError"sv, "EncodingWarning"sv, "EnvironmentError"sv, "Exception"sv,
    "ExceptionGroup"sv, "FileExistsError"sv, "FileNotFoundError"sv, "FloatingPointError"sv, "FutureWarning"sv,
    "GeneratorExit"sv, "IOError"sv, "ImportError"sv, "ImportWarning"sv, "IndentationError"sv, "IndexError"sv,
    "InterruptedError"sv, "IsADirectoryError"sv, "KeyError"sv, "KeyboardInterrupt"sv, "LookupError"sv,
    "MemoryError"sv, "ModuleNotFoundError"sv, "NameError"sv, "NotADirectoryError"sv, "NotImplementedError"sv,
    "OSError"sv, "OverflowError"sv, "PendingDeprecationWarning"sv, "PermissionError"sv, "ProcessLookupError"sv,
    "PythonFinalizationError"sv, "RecursionError"sv, "ReferenceError"sv, "ResourceWarning"sv, "RuntimeError"sv,
    "RuntimeWarning"sv, "StopAsyncIteration"sv, "StopIteration"sv, "SyntaxError"sv, "SyntaxWarning"sv,
    "SystemError"sv, "SystemExit"sv, "TabError"sv, "TimeoutError"sv, "TypeError"sv, "UnboundLocalError"sv,
    "UnicodeDecodeError"sv, "UnicodeEncodeError"sv, "UnicodeError"sv, "UnicodeTranslateError"sv, "UnicodeWarning"sv,
    "UserWarning"sv, "ValueError"sv, "Warning"sv, "ZeroDivisionError"sv,
};

// The runtime's own, and those of the libraries under the Python runtime that its peers send by name.
constexpr std::array kNative = {
    "ActorFailure"sv, "ActorTooSlowError"sv, "AsyncioCancelled"sv, "AsyncioRuntimeTranslationError"sv,
    "AsyncioTaskExited"sv, "BdbQuit"sv, "BrokenResourceError"sv, "BusyResourceError"sv, "CalledProcessError"sv, "Cancelled"sv,
    "ClosedResourceError"sv, "ContextCancelled"sv, "DebugRequestError"sv, "DebugStateError"sv, "EndOfChannel"sv,
    "InternalError"sv, "Lagged"sv, "MessagingError"sv, "ModuleNotExposed"sv, "MsgTypeError"sv, "NoResult"sv,
    "NoRuntime"sv, "RemoteActorError"sv, "RunFinishedError"sv, "RuntimeFailure"sv, "StreamOverrun"sv,
    "TooSlowError"sv, "TransportClosed"sv, "TrioCancelled"sv, "TrioInternalError"sv, "TrioTaskExited"sv,
    "WouldBlock"sv,
};
// clang-format on
static_assert(std::ranges::is_sorted(kBuiltins) && std::ranges::is_sorted(kNative));

/// Never destroyed, like the endpoint table: errors may still be rendered while the program's statics go down.
struct Registered {
  std::mutex mutex;
  std::set<std::string, std::less<>> names;
};
Registered& registered() {
  alignas(Registered) static unsigned char place[sizeof(Registered)];
  static auto* r = new (place) Registered;
  return *r;
}

bool built_in(std::string_view name) {
  return std::ranges::binary_search(kBuiltins, name) || std::ranges::binary_search(kNative, name);
}

}  // namespace

bool known_error_type(std::string_view name) {
  if (built_in(name)) return true;
  std::lock_guard lock(registered().mutex);
  return registered().names.contains(name);
}

bool register_error_type(std::string_view name) {
  if (built_in(name)) return false;
  std::lock_guard lock(registered().mutex);
  return registered().names.emplace(name).second;
}

const char* type_of(int status) {
  switch (static_cast<Status>(status)) {
    case Status::invalid:
    case Status::too_new: return "ValueError";
    case Status::no_memory: return "MemoryError";
    case Status::closed: return "ClosedResourceError";
    case Status::again: return "WouldBlock";
    case Status::busy: return "BusyResourceError";
    case Status::msg_type: return "MsgTypeError";
    case Status::not_supported: return "NotImplementedError";
    case Status::canceled:
    case Status::ctx_canceled: return "ContextCancelled";
    case Status::timed_out: return "TimeoutError";
    case Status::remote: return "RemoteActorError";
    case Status::group: return "ExceptionGroup";
    case Status::eof: return "EndOfChannel";
    case Status::overrun: return "StreamOverrun";
    case Status::lagged: return "Lagged";
    case Status::child: return "ChildProcessError";
    case Status::process: return "CalledProcessError";
    case Status::transport: return "TransportClosed";
    case Status::no_endpoint: return "ModuleNotExposed";
    case Status::interrupted: return "KeyboardInterrupt";
    case Status::spawn: return "ActorFailure";
    case Status::runtime:
    case Status::wrong_thread:
    case Status::forked:
    case Status::deadlock: return "RuntimeFailure";
    case Status::ok:
    case Status::already:
    case Status::unanswered:
    case Status::registry:
    case Status::user: break;
  }
  return "RuntimeError";
}

int status_of(std::string_view type_name) {
  // A task that lost one of its own connections is a failed task to its caller: only what happens on a connection of
  // this process is Status::transport, or a caller would give up on a peer that is well.
  Status status = type_name == "ContextCancelled"   ? Status::ctx_canceled
                  : type_name == "MsgTypeError"     ? Status::msg_type
                  : type_name == "StreamOverrun"    ? Status::overrun
                  : type_name == "ModuleNotExposed" ? Status::no_endpoint
                                                    : Status::remote;
  return static_cast<int>(status);
}

}  // namespace tractor::core
