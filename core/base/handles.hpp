// The core's classes and their opaque C names: one object, two types.
#pragma once

#include <tractor/types.h>

namespace tractor::core {

class Actor;
class Context;
class Error;
class Nursery;
class Portal;
class Stream;
class TaskContext;
class Value;

#define TRACTOR_HANDLE(Class, c_type)                                                      \
  inline c_type* to_c(Class* p) { return reinterpret_cast<c_type*>(p); }                   \
  inline const c_type* to_c(const Class* p) { return reinterpret_cast<const c_type*>(p); } \
  inline Class* from_c(c_type* p) { return reinterpret_cast<Class*>(p); }                  \
  inline const Class* from_c(const c_type* p) { return reinterpret_cast<const Class*>(p); }
TRACTOR_HANDLE(Actor, tractor_actor)
TRACTOR_HANDLE(Context, tractor_ctx)
TRACTOR_HANDLE(Error, tractor_error)
TRACTOR_HANDLE(Nursery, tractor_nursery)
TRACTOR_HANDLE(Portal, tractor_portal)
TRACTOR_HANDLE(Stream, tractor_stream)
TRACTOR_HANDLE(Value, tractor_value)
#undef TRACTOR_HANDLE

}  // namespace tractor::core
