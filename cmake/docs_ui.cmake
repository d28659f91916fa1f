# Copies what /docs needs of swagger-ui-dist:  cmake -D FROM=PACKAGE -D TO=FOLDER -P docs_ui.cmake
set(files swagger-ui-bundle.js swagger-ui.css favicon-32x32.png LICENSE NOTICE)

foreach(file ${files})
	if(NOT EXISTS ${FROM}/${file})
		message(STATUS "/docs will not be interactive: ${FROM}/${file} is missing (make deps)")
		file(REMOVE_RECURSE ${TO})
		return()
	endif()
endforeach()
file(MAKE_DIRECTORY ${TO})
foreach(file ${files})
	file(COPY_FILE ${FROM}/${file} ${TO}/${file} ONLY_IF_DIFFERENT)
endforeach()
