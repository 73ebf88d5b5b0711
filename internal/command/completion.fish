# fish completion for PROGRAM
function FUNCTION
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l offers (PROGRAM completion words $words[2..-1] "$current")
    if test (string trim -- "$offers[1]") = :files
        __fish_complete_path (string replace -r '^-.*=' '' -- "$current")
    else
        printf '%s\n' $offers
    end
end
complete -c PROGRAM -f -a '(FUNCTION)'
