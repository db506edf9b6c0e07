#include <tractor/schema.h>

#include <new>

#include "capi/reason.hpp"
#include "wire/ext_types.hpp"
#include "wire/payload.hpp"
#include "wire/type_spec.hpp"

using namespace tractor::core;

int tractor_register_ext(const char* name, int32_t number, tractor_ext_check_fn check, void* user) {
  if (!name) return TRACTOR_EINVAL;
  try {
    return static_cast<int>(ExtTypes::add(name, number, check, user));
  } catch (const std::bad_alloc&) {
    return TRACTOR_ENOMEM;
  }
}

int tractor_schema_check(const char* schema_type, tractor_bytes value, char* why, size_t why_size) {
  try {
    if (!schema_type) return because("the payload type is NULL", Status::invalid, why, why_size);
    Bytes bytes(static_cast<const char*>(value.data), value.len);
    if (is_memory_poison(bytes)) throw std::bad_alloc();
    if (const char* fault = payload_fault(bytes))
      return because(poison_text(bytes) ? fault : std::string("the value ") + fault, Status::invalid, why, why_size);
    Result<Ref<const TypeSpec>> spec = TypeSpec::parse(schema_type);
    if (!spec) return because(spec.failure().message, spec.failure().code, why, why_size);
    std::optional<Mismatch> mismatch = (*spec)->check(bytes);
    return mismatch ? because(mismatch->text(), Status::msg_type, why, why_size)
                    : because("", Status::ok, why, why_size);
  } catch (const std::bad_alloc&) {
    if (why && why_size > 0) *why = '\0';
    return TRACTOR_ENOMEM;
  }
}
