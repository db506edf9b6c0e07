// The public status codes as a scoped enum.
#pragma once

#include <tractor/status.h>

namespace tractor::core {

enum class Status : int {
  ok = TRACTOR_OK,
  invalid = TRACTOR_EINVAL,
  no_memory = TRACTOR_ENOMEM,
  closed = TRACTOR_ECLOSED,
  wrong_thread = TRACTOR_EWRONGTHREAD,
  forked = TRACTOR_EFORKED,
  deadlock = TRACTOR_EDEADLK,
  too_new = TRACTOR_E2BIG,
  again = TRACTOR_EAGAIN,
  already = TRACTOR_EALREADY,
  busy = TRACTOR_EBUSY,
  msg_type = TRACTOR_EMSGTYPE,
  not_supported = TRACTOR_ENOTSUP,
  canceled = TRACTOR_ECANCELED,
  timed_out = TRACTOR_ETIMEDOUT,
  ctx_canceled = TRACTOR_ECTXCANCELED,
  remote = TRACTOR_EREMOTE,
  group = TRACTOR_EGROUP,
  eof = TRACTOR_EEOF,
  overrun = TRACTOR_EOVERRUN,
  child = TRACTOR_ECHILD,
  transport = TRACTOR_ETRANSPORT,
  no_endpoint = TRACTOR_ENOENDPOINT,
  unanswered = TRACTOR_EUNANSWERED,
  interrupted = TRACTOR_EINTERRUPTED,
  spawn = TRACTOR_ESPAWN,
  registry = TRACTOR_EREGISTRY,
  runtime = TRACTOR_ERUNTIME,
  user = TRACTOR_EUSER,
  lagged = TRACTOR_ELAGGED,
  process = TRACTOR_EPROCESS,
};

}  // namespace tractor::core
