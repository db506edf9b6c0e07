#include "runtime/process_op.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <new>

#include "runtime/actor.hpp"
#include "spawn/last_lines.hpp"
#include "wire/packer.hpp"
#include "wire/utf8.hpp"

namespace tractor::core {

namespace {

/// How long what the program has left behind may keep its output open.
constexpr int64_t kOutputPatience = 50 * kMillisecond;

/// Says that an error's payload is the result of a program.
const char result_tag = 0;

int returncode(const ExitStatus& status) {
  if (status.kind == ExitStatus::unknown) return Error::kNoExit;
  return status.kind == ExitStatus::signaled ? -status.code : status.code;
}

}  // namespace

OpToken ProcessOp::start(Actor& actor, Nursery& in, ProcessConfig config, const ErrorRef& bad, tractor_value_fn fn,
                         void* user) {
  auto* op = new ProcessOp(actor, in, std::move(config), fn, user);
  OpToken token = op->token();
  if (!op->begin()) return token;
  if (bad)
    op->decide(bad);
  else
    op->go([op] { op->launch(); });
  return token;
}

ProcessOp::ProcessOp(Actor& actor, Nursery& in, ProcessConfig config, tractor_value_fn fn, void* user)
    : Op(in, fn != nullptr), actor_(actor), config_(std::move(config)), mark_(make_uuid()), fn_(fn), user_(user) {}

ProcessOp::~ProcessOp() {
  process_.reset();
  actor_.remove_process(*this);
}

void ProcessOp::launch() {
  LaunchSpec spec = std::move(config_.launch);
  if (auto ready = set_up(spec); !ready) return decide(Error::of(ready.failure()));
  actor_.add_process(*this);
  auto launched = actor_.platform().launch(actor_.loop(), spec, *this);
  null_.reset();
  stdout_theirs_.reset();
  stderr_theirs_.reset();
  if (!launched) return decide(Error::of(launched.failure()));
  process_ = std::move(*launched);
  TRACTOR_LOG(kRuntime, "tractor.process", "started '%s' as pid %lld", config_.label.c_str(),
              static_cast<long long>(pid()));
}

/// What it reads and writes: nothing of ours.
Result<Done> ProcessOp::set_up(LaunchSpec& spec) {
  auto failed = [&](int error) { return Failure::system(Status::spawn, "cannot start '" + spec.program + "'", error); };
  null_.reset(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (null_.get() < 0 || !null_.move_up()) return failed(errno);
  Fd stdout_ours, stderr_ours;
  if (int error = open_pipe(stderr_ours, stderr_theirs_)) return failed(error);
  if (config_.stdout_fd >= 0) {
    stdout_theirs_.reset(fcntl(config_.stdout_fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
    if (stdout_theirs_.get() < 0) return failed(errno);
  } else if (int error = open_pipe(stdout_ours, stdout_theirs_)) {
    return failed(error);
  }
  spec.standard = {null_.get(), stdout_theirs_.get(), stderr_theirs_.get()};
  if (actor_.is_subreaper()) spec.more_env.push_back(std::string(kMarkVariable) + "=" + mark_);
  auto pipe = [this](Fd fd, bool relayed) {
    OutputPipe::Owner& owner = *this;
    auto mode = relayed ? OutputPipe::Mode::lines : OutputPipe::Mode::keep;
    return std::make_unique<OutputPipe>(actor_.loop(), std::move(fd), mode, config_.capture_limit, owner);
  };
  if (stdout_ours.get() >= 0) stdout_ = pipe(std::move(stdout_ours), config_.relay_stdout);
  stderr_ = pipe(std::move(stderr_ours), config_.relay_stderr);
  return Done{};
}

// --- its end -------------------------------------------------------------------------------------------------------

void ProcessOp::on_cancel(const ErrorRef&) {
  if (status_) return give_up_output();
  terminate();
}

void ProcessOp::terminate() noexcept {
  if (status_ || terminated_) return;
  terminated_ = true;
  process_->signal(SIGTERM);
  Loop& loop = actor_.loop();
  int64_t patience = nursery().ladder().with(0, config_.kill_timeout).kill;
  try {
    loop.arm(*this, std::min(loop.after(patience), std::max(actor_.end_by(), loop.now())));
  } catch (const std::bad_alloc&) {
    process_->signal(SIGKILL);
  }
}

void ProcessOp::kill() {
  if (process_) process_->signal(SIGKILL);
}

void ProcessOp::on_timer() {
  if (status_) return give_up_output();
  TRACTOR_LOG(kWarning, "tractor.process", "'%s' (pid %lld) did not end in time: killed", config_.label.c_str(),
              static_cast<long long>(pid()));
  process_->signal(SIGKILL);
}

void ProcessOp::on_exit(Process&, const ExitStatus& status) {
  disarm();
  status_ = status;
  // What it has left behind goes with it, and with that the last who could write into the pipes.
  actor_.remove_process(*this);
  if (stdout_) stdout_->drain();
  stderr_->drain();
  settle();
  if (decided()) return;
  try {
    actor_.loop().arm_after(*this, kOutputPatience);
  } catch (const std::bad_alloc&) {
    give_up_output();
  }
}

void ProcessOp::give_up_output() {
  if (stdout_) stdout_->finish();
  stderr_->finish();
}

void ProcessOp::on_output(const OutputPipe& from) {
  if (from.lost() && process_) terminate();
  settle();
}

void ProcessOp::settle() {
  if (!status_ || decided() || (stdout_ && !stdout_->ended()) || !stderr_->ended()) return;
  disarm();
  decide(cancel_reason() ? cancel_reason() : Error::from([this] { return outcome(); }));
}

ErrorRef ProcessOp::outcome() {
  result_ = pack_result();
  for (const OutputPipe* pipe : {stdout_.get(), stderr_.get()})
    if (pipe && pipe->lost())
      return failure(std::string("wrote more to its ") + (pipe == stdout_.get() ? "stdout" : "stderr") + " than the " +
                     std::to_string(config_.capture_limit) + " bytes that may be kept");
  if (!config_.check || status_->success()) return {};
  return failure((status_->kind == ExitStatus::signaled ? "was " : "ended with ") + status_->to_string());
}

Ref<Value> ProcessOp::pack_result() const {
  OutBuffer buffer;
  wire::Packer pack(buffer);
  pack.map(3);
  pack.str("returncode");
  pack.integer(int64_t{returncode(*status_)});
  pack.str("stdout");
  pack.bin(stdout_ ? stdout_->kept() : Bytes());
  pack.str("stderr");
  pack.bin(stderr_->kept());
  return Value::copy_of(buffer.view());
}

ErrorRef ProcessOp::failure(const std::string& what) const {
  Error::Fields f;
  f.code = Status::process;
  f.message = "process '" + config_.label + "' (pid " + std::to_string(pid()) + ") " + what;
  f.traceback = stderr_->tail();
  if (!f.traceback.empty()) f.message.append("; its last line on stderr: ").append(last_line(f.traceback));
  f.exit_status = returncode(*status_);
  f.payload_tag = &result_tag;
  f.payload = Ref<Value>(result_).release();
  f.payload_release = [](void* result) { static_cast<Value*>(result)->unref(); };
  return Error::make(std::move(f));
}

const Value* ProcessOp::result_of(const Error& err) {
  return err.fields().payload_tag == &result_tag ? static_cast<const Value*>(err.fields().payload) : nullptr;
}

// --- its lines -----------------------------------------------------------------------------------------------------

void ProcessOp::on_line(const OutputPipe& from, std::string_view line) {
  if (!log::enabled(config_.relay_level)) return;
  try {
    std::string text = wire::to_valid_utf8(line);
    std::replace(text.begin(), text.end(), '\0', ' ');
    log::emit(config_.relay_level, "tractor.process", nullptr, 0, "[%s:%s] %s", config_.label.c_str(),
              &from == stderr_.get() ? "err" : "out", text.c_str());
  } catch (const std::bad_alloc&) {
    // A line that is lost is better than a program that is.
  }
}

}  // namespace tractor::core
