#include "command/directory.hpp"

#include <memory>

namespace tractor::command {

namespace {

struct FreeReader {
  void operator()(tractor_reader* reader) const { tractor_reader_free(reader); }
};

std::string text(tractor_reader* reader) {
  const char* s = "";
  size_t size = 0;
  tractor_reader_str(reader, &s, &size);
  return {s, size};
}

/// The map from "name.uuid" to addresses. A uuid has no dot, a name may have some.
std::vector<Entry> read_entries(const tractor_value* value) {
  std::unique_ptr<tractor_reader, FreeReader> reader(tractor_reader_new(value));
  std::vector<Entry> entries;
  uint32_t count = 0, addresses = 0;
  tractor_reader_map(reader.get(), &count);
  for (; count > 0 && !tractor_reader_error(reader.get()); --count) {
    std::string key = text(reader.get());
    size_t dot = key.rfind('.');
    Entry entry{key.substr(0, dot), dot == std::string::npos ? "" : key.substr(dot + 1), {}};
    tractor_reader_array(reader.get(), &addresses);
    for (; addresses > 0 && !tractor_reader_error(reader.get()); --addresses)
      entry.addresses.push_back(multiaddr(reader.get()));
    entries.push_back(std::move(entry));
  }
  return entries;
}

}  // namespace

std::string multiaddr(tractor_reader* reader) {
  uint32_t two = 0;
  tractor_reader_array(reader, &two);
  std::string first = text(reader);
  if (tractor_reader_type(reader) == TRACTOR_TYPE_STR) return "/unix" + first + "/" + text(reader);
  uint64_t port = 0;
  tractor_reader_u64(reader, &port);
  return (first.find(':') == std::string::npos ? "/ip4/" : "/ip6/") + first + "/tcp/" + std::to_string(port);
}

void list_actors(Session& session, tractor_portal* registrar, std::function<void(std::vector<Entry>)> then) {
  session.ask(registrar, "get_registry", tractor_pack("{}"),
              [&session, then](const tractor_error* err, const tractor_value* value) {
                if (err) return session.fail(err, "the registrar");
                auto entries = read_entries(value);
                std::erase_if(entries,
                              [&](const Entry& e) { return e.uuid == tractor_actor_id(session.actor())->uuid; });
                then(std::move(entries));
              });
}

}  // namespace tractor::command
