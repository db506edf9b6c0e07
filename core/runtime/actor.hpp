// This process as a node of the tree: its scopes, connections, children, and the order of its life.
//
//   opened -> booting -> up -> closing -> ended
//
// boot.cpp has the two ways up (root, child), shutdown.cpp the one way down.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/handles.hpp"
#include "ipc/transport.hpp"
#include "registry/registrar.hpp"
#include "rpc/ask.hpp"
#include "rpc/link.hpp"
#include "rpc/portal.hpp"
#include "runtime/config.hpp"
#include "runtime/late_boot.hpp"
#include "runtime/modules.hpp"
#include "runtime/platform.hpp"
#include "runtime/posts.hpp"
#include "runtime/reaper.hpp"
#include "runtime/registration.hpp"
#include "runtime/signals.hpp"
#include "runtime/threads.hpp"
#include "runtime/vars.hpp"
#include "scope/engine.hpp"
#include "scope/flow.hpp"
#include "scope/nursery.hpp"
#include "spawn/boot.hpp"

namespace tractor::core {

class Child;
class ProcessOp;

/// The actor's own scopes.
class ActorScope final : public Nursery {
 public:
  enum class Role : uint8_t {
    main,       ///< the program's: what the root function or an embedder works in
    service,    ///< the tasks that others asked for
    backstage,  ///< the runtime's own requests, deaf to cancels
  };
  ActorScope(Actor& actor, Engine& engine, Role role, std::string name)
      : Nursery(engine, nullptr, NurseryOptions{.name = std::move(name)}), actor_(actor), role_(role) {}
  using Nursery::abandon;
  using Nursery::body_over;
  using Nursery::expect_end;
  using Nursery::set_body_running;
  std::string what() const override {
    return role_ == Role::main ? "the nursery of actor '" + options().name + "'" : Nursery::what();
  }

 private:
  void on_idle() override;
  bool deliver_end(const ErrorRef& outcome) override;
  void on_gone() override;
  Actor& actor_;
  Role role_;
  ErrorRef outcome_;
};

class Actor final : public RefCounted<Actor>,
                    public LinkHost,
                    private Listener::Handler,
                    public SignalWatch::Handler,
                    private Reaper::Family {
 public:
  /// `program`: the body is all there is, so that the main scope closes when it returns.
  static Result<Actor*> open_root(RootConfig config, bool program, tractor_root_fn body, tractor_done_fn on_end,
                                  void* user);
  static Result<Actor*> open_child(BootInfo info, Platform& platform = Platform::real());
  /// The one of this process, or null.
  static Actor* current() { return current_; }
  /// For platforms: it is, or where several live in one process, it is its turn.
  static void set_current(Actor* actor) { current_ = actor; }
  static void destroy(const Actor* self) { delete self; }

  /// Runs the own loop until the end.
  Status run();
  void close();
  /// As if another actor had cancelled this one.
  void cancel_soon();
  /// Its exit stack has been run.
  bool past_exit() const { return !main_ || main_->ended(); }
  void on_exit(tractor_exit_fn fn, void* user) { exit_stack_.push_back({fn, user}); }
  Status post(tractor_done_fn fn, void* user) { return posts_.add(fn, user); }

  // --- what it is
  const ActorId& self() const override { return id_; }
  const tractor_id& c_id() const { return c_id_; }
  bool is_root() const { return !boot_; }
  bool is_registrar() const override { return registrar_ != nullptr; }
  Engine& engine() override { return *engine_; }
  Platform& platform() { return platform_; }
  Loop& loop() { return *loop_; }
  Nursery* main() const { return main_.get(); }
  bool booting() const { return state_ == State::booting; }
  /// Can it have children, and be found?
  bool has_runtime() const { return !late_boot_ || late_boot_->is_up(); }
  /// Null unless it was opened without a runtime.
  LateBoot* late_boot() { return late_boot_ ? &*late_boot_ : nullptr; }
  Nursery& service() override { return *service_; }
  Nursery& backstage() { return *backstage_; }
  bool ended() const { return state_ == State::ended; }
  Portal* self_portal() const { return self_portal_.get(); }
  Portal* parent_portal() const { return parent_portal_.get(); }
  PeerLink& self_link() { return *self_link_; }
  /// Null in a root.
  PeerLink* parent_link() const { return parent_link_.get(); }
  const Address& parent_address() const { return boot_->parent_addr; }
  const std::vector<Address>& addresses() const { return bound_; }
  const std::vector<std::string>& address_texts() const { return bound_texts_; }
  /// Where its children connect to: of the first transport that it has an address of.
  const Address& home_address() const;
  const std::vector<Address>& registry_addrs() const { return registry_addrs_; }
  const std::vector<std::string>& registry_texts() const { return registry_texts_; }
  const RuntimeVars& vars() const { return vars_; }
  /// All of `map` or nothing.
  Result<Done> set_vars(Bytes map);
  /// Who asked it to end, or null.
  const tractor_id* canceller() const { return c_canceller_.uuid ? &c_canceller_ : nullptr; }
  ThreadPool& threads();
  /// By when its parent, which cancels it, will lose patience; its own children have to be gone before.
  int64_t end_by() const { return end_by_; }
  /// Zero, or what a child exits with.
  int exit_status() const { return exit_status_; }
  const ErrorRef& outcome() const { return outcome_; }
  int end_signal() const { return end_signal_; }
  void pack_stats(OutBuffer& out) const;
  /// A map that tells of it and of all in it. `open`: one more pair follows.
  void describe(wire::Packer& out, bool open) const;

  // --- children
  void add_child(Child& child);
  void remove_child(Child& child);
  /// It ends, or has ended: nobody shall find it any more.
  void forget_child(const Child& child);
  /// What its children inherit of it.
  bool is_subreaper() const { return reaper_ != nullptr; }
  Child* find_child(std::string_view uuid);
  /// A process that is no actor, from before its start to its end.
  void add_process(ProcessOp& process) { processes_.push_back(&process); }
  void remove_process(ProcessOp& process);
  const std::vector<Child*>& children() const { return children_; }
  /// The way to an actor of that name that it is connected with for as long as both live, so that nobody has to be asked.
  PeerLink* find_connected(std::string_view name) const;
  /// The connection with that registrar, if there is one.
  PeerLink* registrar_link(const Address& at) const { return registration_ ? registration_->link_to(at) : nullptr; }

  // --- LinkHost
  size_t max_frame() const override { return max_frame_; }
  size_t stream_window() const override { return stream_window_; }
  int64_t handshake_timeout() const override { return handshake_timeout_; }
  std::unique_ptr<Dialer> dial(const Address& to, int64_t timeout, Dialer::Handler& handler) override {
    return platform_.dial(*loop_, to, timeout, handler);
  }
  Result<const Endpoint*> find_endpoint(std::string_view ns, std::string_view func) override;
  void inherit_limits(size_t max_frame, size_t stream_window) override {
    max_frame_ = max_frame;
    stream_window_ = stream_window;
  }
  void on_link_open(PeerLink& link) override;
  void on_link_lost(PeerLink& link, const ErrorRef& why) override;
  void on_spawn_spec(PeerLink& link, const wire::SpawnSpec& spec) override;
  void on_cancel_actor(PeerLink& link, std::string_view cid, int64_t patience) override;
  void on_peer_failed(PeerLink& link, ErrorRef err) override;

  // --- from its scopes
  void on_main_idle();
  void on_scope_ended(ActorScope::Role role, const ErrorRef& outcome);

 private:
  friend class RefCounted<Actor>;
  friend class LateBoot;
  enum class State : uint8_t { booting, up, closing, ended };
  struct ExitStep {
    tractor_exit_fn fn;
    void* user;
  };
  struct PendingAck {
    Ref<PeerLink> link;
    Cid cid;
  };

  explicit Actor(Platform& platform);
  ~Actor();
  Result<Done> prepare(event_base* base, std::string name, std::string uuid);
  /// Takes all that back if the open fails after it.
  struct Opening {
    Actor* actor;
    ~Opening() {
      if (actor) actor->undo_open();
    }
  };
  void undo_open();
  [[noreturn]] void fall();

  // boot.cpp
  Flow boot_root(RootConfig config);
  Flow boot_child();
  Task<Result<Done>> become_root(const RootConfig* config);
  Task<Result<Done>> enter_tree(const RootConfig* config);
  Task<Result<Done>> become_child();
  void watch_signals(std::initializer_list<int> caught, std::initializer_list<int> ignored);
  void stop_boot(ErrorRef why);
  void boot_over(const Result<Done>& done);
  Task<Result<Done>> elect(const RootConfig* config);
  Result<Done> join(const RootConfig& config, std::vector<Address> registrars);
  Result<Done> keep_registry(const RootConfig& config, const std::vector<Address>& where);
  Task<Result<Done>> register_everywhere();
  Result<Done> complete(std::vector<Address>& addrs, const std::vector<TransportKind>& kinds) const;
  Result<Done> listen_at(const std::vector<Address>& addrs);
  Result<Done> apply_spec(const wire::SpawnSpec& spec);
  Result<Done> load_modules(const std::vector<ModuleSpec>& modules);
  void know_registrars(std::vector<Address> addrs);
  void up();
  void boot_failed(ErrorRef why);
  static void ready_endpoint(tractor_ctx* ctx, const tractor_value* args, void* self);
  void answer_ready();

  // shutdown.cpp
  void begin_closing();
  void end_for(const ErrorRef& why, std::string_view reason);
  Flow shut_down();
  void report_failure(const ErrorRef& why);
  void send_acks();
  void finish();
  static void last_act(void* self);

  void on_accepted(std::unique_ptr<Transport> transport) override;
  void on_signal(int signo) override;
  void drop_link(PeerLink& link);
  void become_subreaper();
  /// True: call it again soon.
  bool bury_inherited() noexcept;
  /// For an end that is not in order.
  void kill_children();
  bool is_child(int64_t pid) const override;
  bool is_living_child(std::string_view uuid) const override;
  void on_buried_actor() override { sweep_sockets(); }
  void sweep_sockets() const;
  void pack_peers(wire::Packer& pack) const;

  struct CloseEvent {};
  Flow shut_down_;

  static inline Actor* current_ = nullptr;
  Platform& platform_;
  std::unique_ptr<Loop> loop_;
  std::optional<Engine> engine_;
  PostQueue posts_;
  ActorId id_;
  tractor_id c_id_{"", "", 0};
  std::optional<BootInfo> boot_;  ///< in a child
  State state_ = State::booting;

  Ref<ActorScope> main_, service_, backstage_;

  tractor_root_fn body_ = nullptr;
  tractor_done_fn on_end_ = nullptr;
  void* user_ = nullptr;
  std::vector<ExitStep> exit_stack_;
  ErrorRef outcome_;
  int exit_status_ = 0;
  int end_signal_ = 0;
  int64_t end_by_ = kForever;
  int64_t since_ = 0;
  Ref<PeerIdentity> canceller_;  ///< what the next one points into, if that is not this actor itself
  tractor_id c_canceller_{nullptr, nullptr, 0};
  bool own_loop_ = true, program_ = false, close_wanted_ = false, spec_taken_ = false;
  bool acks_sent_ = false, finished_ = false;
  std::atomic<bool> running_ = false;

  std::vector<std::unique_ptr<Listener>> listeners_;
  std::vector<Address> bound_, registry_addrs_;
  std::vector<std::string> bound_texts_, registry_texts_;
  std::map<std::string, const Module*, std::less<>> exposed_;
  std::unique_ptr<Registrar> registrar_;
  std::optional<Registration> registration_;  ///< in an actor that is no registrar
  RuntimeVars vars_;

  std::vector<Ref<PeerLink>> links_;
  Ref<PeerLink> self_link_, self_peer_, parent_link_;
  Ref<Portal> self_portal_, parent_portal_;
  std::vector<Child*> children_;
  std::vector<ProcessOp*> processes_;
  std::vector<PendingAck> acks_;

  // While it boots; what wants to end it then only stops the boot, whose failure ends it.
  Halt boot_halt_;
  std::optional<LateBoot> late_boot_;
  std::optional<Mailbox<ErrorRef>> boot_box_;  ///< in a child; null: the SpawnSpec was applied
  std::optional<Mailbox<CloseEvent>> close_box_;
  Endpoint ready_, tree_;
  TaskContext* ready_ctx_ = nullptr;
  OpToken ready_hold_ = 0;
  ErrorRef boot_error_;

  std::unique_ptr<ThreadPool> threads_;
  std::unique_ptr<SignalWatch> signals_;
  std::unique_ptr<Reaper> reaper_;  ///< in a subreaper
  size_t max_frame_ = wire::kMaxFrameDefault;
  size_t stream_window_ = kDefaultStreamWindow;
  int64_t handshake_timeout_ = 10 * kSecond;
};

}  // namespace tractor::core
