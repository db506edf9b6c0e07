// One child from its launch to its burial: connect-back, boot, service, the ladder, the exit status.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "ipc/socket_file.hpp"
#include "rpc/ask.hpp"
#include "rpc/portal.hpp"
#include "runtime/config.hpp"
#include "scope/flow.hpp"
#include "scope/nursery.hpp"
#include "spawn/process.hpp"

namespace tractor::core {

class Actor;

class Child final : public ChildOf, private Process::Handler, private Asker {
 public:
  /// Hears how the boot went. Once; unless abandoned before.
  class Starter {
   public:
    virtual void on_booted(Child& child, const ErrorRef& err) = 0;
    /// The process is gone and reaped; the last word about the child.
    virtual void on_buried(Child& child, const ErrorRef& death) = 0;

   protected:
    ~Starter() = default;
  };

  /// Belongs to `home` from now on, and deletes itself when it is buried.
  static Child* start(Actor& actor, Nursery& home, std::string name, SpawnConfig config, bool one_shot,
                      Starter* starter);

  const ActorId& id() const { return id_; }
  PeerLink* link() const { return link_.get(); }
  Portal* portal() const { return portal_; }
  bool serving() const { return phase_ == Phase::serving; }
  bool owns(const PeerLink& link) const { return link_.get() == &link; }
  const char* state_name() const;
  void set_starter(Starter* starter) { starter_ = starter; }
  void kill();

  void cancel_child(const ErrorRef& why) override;
  void terminate_child() override;
  bool in_use() const override { return portal_ && portal_->in_use(); }
  const std::string& child_name() const override { return id_.name; }
  void describe(wire::Packer& out) const override;

  // From the actor's connections.
  /// Somebody has connected who has not said yet who it is.
  bool awaits_connection() const { return phase_ == Phase::connecting && !link_; }
  /// `socket`: the other end's inode, if that is known.
  void on_accepted(PeerLink& link, uint64_t socket);
  bool runs_foreign_program() const { return !config_.program.empty(); }
  /// Its process made this connection.
  bool has_opened(const PeerLink& link) const { return unnamed_link_ == &link; }
  void on_connected(PeerLink& link);
  void on_link_lost(const ErrorRef& why);
  void on_failed(ErrorRef err);

 private:
  enum class Phase : uint8_t { launching, connecting, booting, serving, ending };
  struct Event {
    enum Kind : uint8_t { exited, connected, lost, failed, answered, cancelled, terminated } kind;
    ErrorRef err;
  };

  Child(Actor& actor, Nursery& home, std::string name, SpawnConfig config, bool one_shot, Starter* starter);
  ~Child() = default;

  Flow live();
  Task<ErrorRef> boot();
  Task<ErrorRef> serve();
  Task<Done> end();
  void hang_up(const ErrorRef& failed);
  void bury(ErrorRef death);

  Result<LaunchSpec> launch_spec() const;
  void send_spawn_spec();
  ErrorRef death(Status code, const std::string& what) const;
  std::string obituary() const;
  void unlink_sockets() const;
  void note_sockets();

  void on_exit(Process& process, const ExitStatus& status) override;
  void on_answer(Answer answer) override {
    asking_ = false;
    events_.put({Event::answered, answer.err});
  }

  Actor& actor_;
  Ref<Nursery> home_;
  SpawnConfig config_;
  Ladder ladder_;
  ActorId id_;
  Starter* starter_;
  std::unique_ptr<Process> process_;
  std::vector<PresumedSocketFile> sockets_;
  Ref<PeerLink> link_;
  const PeerLink* unnamed_link_ = nullptr;  ///< of this process, before its Aid; only to be compared
  Portal* portal_ = nullptr;
  Mailbox<Event> events_;
  ErrorRef cancel_reason_, failure_;
  ExitStatus status_;
  int64_t since_;
  Phase phase_ = Phase::launching;
  bool one_shot_, exited_ = false, acked_ = false, asking_ = false, hard_ = false;
};

}  // namespace tractor::core
