#pragma once
// Layouts that a table describes: VTK files and cases of OpenFOAM.

#include <memory>
#include <string>

#include "mesh_io/h5/import.hpp"
#include "mesh_io/layouts/table.hpp"

namespace streamtube::mesh_io {

// `json`: the table, which `where` names in messages.
std::unique_ptr<Layout> table_layout(const std::string& json, const std::string& where);

// All layouts there are: that of ahmed_layout() and the built-in tables. With `changes`, a user's table (a path): laid
// over each of them, or, where it names its own surface file or "openfoam", the one layout "own".
Layouts all_layouts(const std::string& changes = {});

}  // namespace streamtube::mesh_io
