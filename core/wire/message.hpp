// The ten messages of the protocol and one of our own, decoded, and the codec between them and frame bodies.
//
// Everything in a decoded message is a view into the frame. What goes out has msg_type first and every field in the
// protocol's order; what comes in may have its keys in any order, unknown keys, and absent optional ones.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/buffer.hpp"
#include "base/result.hpp"

namespace tractor::core::wire {

struct Uid {
  std::string_view name, uuid;
};

/// [host, port] or [directory, filename].
struct WireAddr {
  std::string_view first;                           ///< host, or directory
  std::variant<uint64_t, std::string_view> second;  ///< port, or file name
};

struct Aid {
  std::string_view name, uuid;
  std::optional<int64_t> pid;
  std::optional<bool> is_registrar;
  bool is_probe = false;
  Bytes ext;  ///< our extension map (key "ext"); empty: absent, and then nothing is written
};

struct SpawnSpec {
  Bytes parent_main_data;                                                     ///< map
  Bytes runtime_vars;                                                         ///< map
  std::vector<std::pair<std::string_view, std::string_view>> enable_modules;  ///< module path, file; in order
  std::vector<WireAddr> reg_addrs;
  std::optional<std::vector<WireAddr>> bind_addrs;
};

struct Start {
  std::string_view cid, ns, func;
  Bytes kwargs;  ///< map with string keys
  Uid uid;
};

enum class FuncType : uint8_t { asyncfunc, asyncgen, context };

struct StartAck {
  std::string_view cid;
  FuncType functype;
};
struct Started {
  std::string_view cid;
  Bytes pld;
};
struct Yield {
  std::string_view cid;
  Bytes pld;
};
struct Return {
  std::string_view cid;
  Bytes pld;
};
struct Stop {
  std::string_view cid;
  bool because_of_error = false;  ///< ours (key "err"): an Error follows; false: absent
};
/// Ours, between native peers only: the window of a stream opens again by so many bytes.
struct Credit {
  std::string_view cid;
  uint64_t bytes;
};
struct CancelAck {
  std::string_view cid;
  bool pld;
};
struct ErrorMsg {
  Uid src_uid;
  std::string_view src_type, boxed_type;
  std::vector<Uid> relay_path;
  std::optional<std::string_view> message;
  std::string_view tb;
  std::optional<Uid> canceller, sender;
  std::optional<std::string_view> cid;
  Bytes bad_msg, bad_msg_as_dict;  ///< one value each; nil if there is none
};

using Message =
    std::variant<Aid, SpawnSpec, Start, StartAck, Started, Yield, Stop, Return, CancelAck, ErrorMsg, Credit>;

/// Why a body could not be taken, and how bad that is for the connection.
struct DecodeError {
  enum Kind { malformed, not_a_message, bad_field } kind;
  std::string message;   ///< names the field, the path inside it and what was expected
  std::string_view cid;  ///< of a bad_field in a known message, if it could be read
};

/// Decodes one frame body. Tries the canonical layout first; any other order costs a full parse.
std::variant<Message, DecodeError> decode(Bytes body);

/// Appends one whole frame, prefix included, to `out`.
void encode(const Message& message, OutBuffer& out);

const char* message_name(const Message& message);
const char* functype_name(FuncType type);

// --- frames ------------------------------------------------------------------------------------------------------

constexpr size_t kPrefix = 4;
constexpr size_t kMaxFrameBeforeHandshake = 64 * 1024;
constexpr size_t kMaxFrameDefault = 64 * 1024 * 1024;
constexpr size_t kMaxFramePossible = UINT32_MAX;

inline uint32_t read_prefix(const char* p) {
  auto b = [&](int i) { return static_cast<uint32_t>(static_cast<unsigned char>(p[i])); };
  return b(0) | b(1) << 8 | b(2) << 16 | b(3) << 24;
}
inline void write_prefix(char* p, uint32_t n) {
  for (int i = 0; i < 4; ++i) p[i] = static_cast<char>(n >> (8 * i));
}

// --- the hot path: frames that differ only in a few bytes from the last one ----------------------------------------

/// Start frames of one (caller, namespace, function): everything but cid and kwargs is prepared.
class StartTemplate {
 public:
  StartTemplate(std::string_view ns, std::string_view func, Uid caller);
  bool matches(std::string_view ns, std::string_view func) const { return ns == ns_ && func == func_; }
  /// How long the body is that append() writes.
  size_t size(Bytes kwargs) const;
  /// `cid` has 36 characters.
  void append(OutBuffer& out, const char* cid, Bytes kwargs) const;

 private:
  std::string ns_, func_, middle_, tail_;
};

/// Frames with a short cid-and-payload layout, written without going through Message.
void append_start_ack(OutBuffer& out, std::string_view cid, FuncType type);
void append_return(OutBuffer& out, std::string_view cid, Bytes pld);
/// How long the body of a Return is; that of a Started has one byte more.
size_t return_size(std::string_view cid, Bytes pld);
size_t started_size(std::string_view cid, Bytes pld);
/// The beginning of every Yield of a dialog, its prefix included, up to the payload.
std::string yield_head(std::string_view cid);
void append_yield(OutBuffer& out, std::string_view head, Bytes pld);

}  // namespace tractor::core::wire
