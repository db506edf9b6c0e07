// Constant pieces of frames: what stands between the fields when a sender writes all of them in order.
#pragma once

#include <string_view>

namespace tractor::core::wire {

/// A literal without its terminator; pieces of msgpack hold no NUL before their end, but may hold any other byte.
template <size_t N>
constexpr std::string_view piece(const char (&text)[N]) {
  return {text, N - 1};
}

// Up to and including the head of a 36-character cid.
constexpr std::string_view kStartHead = piece(
    "\x87\xa8msg_type\xa5Start\xa3"
    "cid\xd9\x24");
constexpr std::string_view kStartAckHead = piece(
    "\x83\xa8msg_type\xa8StartAck\xa3"
    "cid\xd9\x24");
constexpr std::string_view kStartedHead = piece(
    "\x83\xa8msg_type\xa7Started\xa3"
    "cid\xd9\x24");
constexpr std::string_view kYieldHead = piece(
    "\x83\xa8msg_type\xa5Yield\xa3"
    "cid\xd9\x24");
constexpr std::string_view kReturnHead = piece(
    "\x83\xa8msg_type\xa6Return\xa3"
    "cid\xd9\x24");
constexpr std::string_view kStopHead = piece(
    "\x82\xa8msg_type\xa4Stop\xa3"
    "cid\xd9\x24");
constexpr std::string_view kCancelAckHead = piece(
    "\x83\xa8msg_type\xa9"
    "CancelAck\xa3"
    "cid\xd9\x24");

constexpr std::string_view kPldKey = piece("\xa3pld");
constexpr std::string_view kNsKey = piece("\xa2ns");
constexpr std::string_view kFuncKey = piece(
    "\xa4"
    "func");
constexpr std::string_view kKwargsKey = piece("\xa6kwargs");
constexpr std::string_view kUidKey = piece("\xa3uid\x92");
constexpr std::string_view kFunctypeKey = piece(
    "\xa8"
    "functype");
/// Start ends with a field that nobody reads.
constexpr std::string_view kStartTail = piece("\xa8pld_spec\xaatyping.Any");

}  // namespace tractor::core::wire
