// One side of one dialog on a connection: what the messages with its id are handed to.
#pragma once

#include "base/buffer.hpp"
#include "fault/error.hpp"
#include "rpc/cid.hpp"
#include "wire/message.hpp"

namespace tractor::core {

class Dialog {
 public:
  std::string_view cid() const { return cid_.view(); }
  const char* cid_text() const { return cid_.c_str(); }

  virtual void on_start_ack(wire::FuncType) { on_stray("StartAck"); }
  virtual void on_started(Bytes, SharedBuffer&) { on_stray("Started"); }
  virtual void on_yield(Bytes, SharedBuffer&) { on_stray("Yield"); }
  virtual void on_credit(uint64_t) { on_stray("Credit"); }
  virtual void on_stop(bool /*because_of_error*/) { on_stray("Stop"); }
  virtual void on_return(Bytes, SharedBuffer&) { on_stray("Return"); }
  virtual void on_cancel_ack() { on_stray("CancelAck"); }
  virtual void on_error(const wire::ErrorMsg& msg) = 0;
  /// A message that has no place where the dialog stands.
  virtual void on_stray(const char* message_name) = 0;
  /// A message of it had a wrong field.
  virtual void on_garbled(const ErrorRef& why) { on_lost(why); }
  /// The connection is gone.
  virtual void on_lost(const ErrorRef& why) = 0;

 protected:
  Dialog() = default;
  explicit Dialog(std::string_view cid) : cid_(cid) {}
  ~Dialog() = default;
  Cid cid_;
};

}  // namespace tractor::core
