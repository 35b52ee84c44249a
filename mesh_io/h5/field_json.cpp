#include "mesh_io/h5/field_json.hpp"

#include "core/error.hpp"
#include "core/json.hpp"

namespace streamtube::mesh_io {

using core::Json;
using core::str;
using physics::FieldSpec;

std::string fields_to_json(const std::vector<FieldSpec>& fields) {
  Json out = Json::array();
  for (const FieldSpec& f : fields) {
    out.push_back({{"name", f.name},
                   {"dimensionless_name", f.dimensionless_name},
                   {"components", f.components},
                   {"scale", physics::name(f.scale)},
                   {"transform", physics::name(f.transform)},
                   {"unit", f.unit}});
    if (f.decoder != physics::Decoder::direct) out.back()["decoder"] = physics::name(f.decoder);
  }
  return core::json_text(out);
}

std::vector<FieldSpec> fields_from_json(const std::string& text, const std::string& where) {
  const auto bad = [&](const std::string& what) { throw core::Error(core::ErrorKind::input, str(where, ": ", what)); };
  const Json list = core::parse_json(text, where);
  constexpr std::size_t kMost = 100;
  if (!list.is_array() || list.size() > kMost) bad(str("is not a list of at most ", kMost, " fields"));
  std::vector<FieldSpec> fields;
  for (const Json& f : list) {
    const std::string at = str("field ", fields.size() + 1, ": ");
    if (!f.is_object()) bad(at + "is not a JSON object");
    const auto word = [&](const char* key) {
      const auto found = f.find(key);
      if (found == f.end()) bad(str(at, "'", key, "' is missing"));
      if (!found->is_string()) bad(str(at, "'", key, "' is not text"));
      return found->get<std::string>();
    };
    FieldSpec spec;
    spec.name = word("name"), spec.dimensionless_name = word("dimensionless_name"), spec.unit = word("unit");
    const auto components = f.find("components");
    if (components == f.end() || !components->is_number_integer() || *components < 1 || *components > 9)
      bad(str(at, "'components' of '", spec.name, "' is not a whole number in 1..9"));
    spec.components = components->get<int>();
    const std::string scale = word("scale"), transform = word("transform");
    if (!physics::parse(scale, spec.scale)) bad(str(at, "the scale '", scale, "' is not known"));
    if (!physics::parse(transform, spec.transform)) bad(str(at, "the transform '", transform, "' is not known"));
    if (f.contains("decoder"))
      if (const std::string decoder = word("decoder"); !physics::parse(decoder, spec.decoder))
        bad(str(at, "the decoder '", decoder, "' is not known"));
    fields.push_back(spec);
  }
  physics::check_decoders(fields, where);
  return fields;
}

}  // namespace streamtube::mesh_io
