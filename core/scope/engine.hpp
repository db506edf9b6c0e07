// What all scopes of one actor share: the loop, the actor's name for cancels, and the table of tokens.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/ids.hpp"
#include "fault/error.hpp"
#include "loop/loop.hpp"
#include "scope/wait_log.hpp"

namespace tractor::core {

using OpToken = int64_t;  ///< > 0: slot and generation; < 0: a status

/// Something that a token names.
class Tokened {
 public:
  virtual void token_cancel() = 0;
  /// False if its completion has already begun.
  virtual bool token_abandon() = 0;
  /// Ends a hold; false if this is none.
  virtual bool token_complete(ErrorRef) { return false; }

 protected:
  ~Tokened() = default;
};

/// 24 bits of slot, 39 of generation; freed slots are reused first in, first out, so that a stale token stays stale for
/// as long as possible.
class TokenTable {
 public:
  OpToken add(Tokened& what);
  void remove(OpToken token);
  Tokened* find(OpToken token) const;
  size_t size() const { return used_; }

 private:
  static constexpr unsigned kSlotBits = 24;
  static constexpr int64_t kSlotMask = (int64_t{1} << kSlotBits) - 1;
  static constexpr uint32_t kNone = UINT32_MAX;
  struct Slot {
    Tokened* what = nullptr;
    int64_t generation = 0;
    uint32_t next_free = kNone;
  };
  std::vector<Slot> slots_;
  uint32_t free_first_ = kNone, free_last_ = kNone;
  size_t used_ = 0;
};

class Engine {
 public:
  Engine(Loop& loop, const ActorId& self);
  Loop& loop() { return loop_; }
  TokenTable& tokens() { return tokens_; }
  WaitLog& wait_log() { return wait_log_; }
  const ActorId& self() const { return self_; }
  /// An ECANCELED with this actor's name on it. A cancel needs no memory: without any it only says less.
  ErrorRef cancel_error(std::string_view reason, ErrorRef cause = {}) const noexcept {
    return cancel_error({reason, {}, {}}, std::move(cause));
  }
  struct Reason {
    std::string_view text, name, rest;  ///< one after the other
  };
  ErrorRef cancel_error(const Reason& reason, ErrorRef cause = {}) const noexcept;

 private:
  Loop& loop_;
  const ActorId& self_;
  TokenTable tokens_;
  WaitLog wait_log_{loop_};
  ErrorRef plain_cancel_;
};

}  // namespace tractor::core
