// Watching a registrar: a generator of the registrar's tells what changes, here it is told to the program.
#pragma once

#include <tractor/discovery.h>

#include <map>
#include <string>
#include <vector>

#include "rpc/pipe.hpp"
#include "runtime/discover.hpp"

namespace tractor::core {

/// Lies in the memory of the nursery that the watch is.
class RegistryWatch {
 public:
  struct Handlers {
    tractor_watch_fn on_event;
    tractor_done_fn on_end;
    void* user;
  };
  /// `question`: which registrar, and by name, whom. `bad`: why it can't be watched.
  static OpToken start(Actor& actor, Nursery& in, Question question, const ErrorRef& bad, const Handlers& handlers);

 private:
  struct Known {
    ActorId who;
    std::vector<std::string> addrs;
    bool told = true;  ///< since the registrar began anew
  };

  RegistryWatch(Nursery& nursery, std::string name, const Handlers& handlers)
      : nursery_(nursery), name_(std::move(name)), handlers_(handlers) {}
  void begin(Portal& registrar);
  void receive();
  bool take(Bytes event);
  void join(const ActorId& who, std::vector<std::string> addrs);
  void leave(std::map<std::string, Known>::iterator known);
  void synced();
  void tell(int event, const Known* whom);
  void lost(const char* how, const ErrorRef& cause);

  static void on_registry(const tractor_error* err, tractor_portal* portal, void* self);
  static void on_open(tractor_stream* stream, void* self);
  static void on_item(const tractor_error* err, const tractor_value* value, void* self);
  static void on_stream_end(const tractor_error* err, void* self);

  Nursery& nursery_;
  std::string name_;
  Handlers handlers_;
  Stream* stream_ = nullptr;
  std::map<std::string, Known> known_;  // by uuid
  bool synced_ = false;
};

}  // namespace tractor::core
