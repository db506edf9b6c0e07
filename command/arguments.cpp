#include "command/arguments.hpp"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <tractor.h>

#include "command/json.hpp"

namespace tractor::command {

namespace {

std::optional<nlohmann::json> parse(const std::string& text) {
  auto value = nlohmann::json::parse(text, nullptr, false);
  if (value.is_discarded()) return std::nullopt;
  return value;
}

}  // namespace

void Call::add_options(CLI::App& command) {
  command.add_option("actor", actor, "whom: a name or a uuid")->required()->type_name("");
  command.add_option("endpoint", endpoint, "what: MODULE.NAME")->required()->type_name("");
  auto* each =
      command.add_option("arguments", pairs, "KEY=VALUE, where a value is JSON if it reads as JSON, else text")
          ->type_name("");
  command.add_option("--json", json, "all arguments as one JSON object")->excludes(each)->type_name("OBJECT");
}

std::optional<std::string> Call::check() {
  // Modules may be dotted, names of endpoints are not.
  size_t dot = endpoint.rfind('.');
  if (dot == std::string::npos || dot == 0 || dot + 1 == endpoint.size())
    return "'" + endpoint + "' is no endpoint: it has to be MODULE.NAME, such as primes.is_prime";
  module = endpoint.substr(0, dot);
  func = endpoint.substr(dot + 1);

  nlohmann::json arguments = nlohmann::json::object();
  for (const std::string& pair : pairs) {
    size_t equals = pair.find('=');
    if (equals == 0 || equals == std::string::npos) return "'" + pair + "' is no argument: it has to be KEY=VALUE";
    std::string key = pair.substr(0, equals), text = pair.substr(equals + 1);
    if (arguments.contains(key)) return "argument '" + key + "' is given twice";
    auto value = parse(text);
    arguments[key] = value ? std::move(*value) : nlohmann::json(text);
  }
  if (!json.empty()) {
    auto object = parse(json);
    if (!object) return "--json: '" + json + "' is no JSON";
    if (!object->is_object()) return "--json: arguments are an object, such as '{\"n\": 97}', not '" + json + "'";
    arguments = std::move(*object);
  }
  std::string why;
  auto bytes = to_msgpack(arguments, why);
  if (!bytes) return why;
  packed = std::move(*bytes);
  return std::nullopt;
}

}  // namespace tractor::command
