# streamtube_embed(OUTPUT_VARIABLE NAMESPACE FUNCTION HEADER FILES...): a source file with the function
#   const std::vector<std::pair<std::string, std::string>>& FUNCTION();   // name of each file, its text
# declared in HEADER. It is written anew when a file changes.
function(streamtube_embed output namespace function header)
  set(body "")
  foreach(file ${ARGN})
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
    get_filename_component(name ${file} NAME)
    file(READ ${file} text)
    # String literals end after 64 KiB in some compilers: pieces of 8,000 characters.
    string(LENGTH "${text}" length)
    set(literals "")
    set(begin 0)
    while(begin LESS length)
      string(SUBSTRING "${text}" ${begin} 8000 piece)
      string(APPEND literals "\n     R\"embedded(${piece})embedded\"")
      math(EXPR begin "${begin} + 8000")
    endwhile()
    string(APPEND body "    {\"${name}\",${literals}},\n")
  endforeach()
  set(source ${CMAKE_CURRENT_BINARY_DIR}/${function}.cpp)
  file(CONFIGURE OUTPUT ${source} @ONLY CONTENT "// Written by CMake.
#include \"@header@\"

namespace @namespace@ {

const std::vector<std::pair<std::string, std::string>>& @function@() {
  static const std::vector<std::pair<std::string, std::string>> files = {
@body@  };
  return files;
}

}  // namespace @namespace@
")
  set(${output} ${source} PARENT_SCOPE)
endfunction()
