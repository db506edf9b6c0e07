/// @file tractor.hpp
/// The C++20 wrapper of libtractor: one include for all of it.
#pragma once

#include <tractor.h>

#include "tractor/actor.hpp"
#include "tractor/call.hpp"
#include "tractor/channel.hpp"
#include "tractor/cluster.hpp"
#include "tractor/codec.hpp"
#include "tractor/context.hpp"
#include "tractor/deadline.hpp"
#include "tractor/discovery.hpp"
#include "tractor/endpoint.hpp"
#include "tractor/error.hpp"
#include "tractor/event.hpp"
#include "tractor/fields.hpp"
#include "tractor/generator.hpp"
#include "tractor/lock.hpp"
#include "tractor/nursery.hpp"
#include "tractor/options.hpp"
#include "tractor/portal.hpp"
#include "tractor/one_way.hpp"
#include "tractor/program.hpp"
#include "tractor/result.hpp"
#include "tractor/runtime_vars.hpp"
#include "tractor/sleep.hpp"
#include "tractor/stream.hpp"
#include "tractor/task.hpp"
#include "tractor/thread.hpp"
#include "tractor/value.hpp"
