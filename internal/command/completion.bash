# bash completion for PROGRAM
FUNCTION() {
    local word words=() offers
    for word in "${COMP_WORDS[@]:1:COMP_CWORD}"; do # bash takes -switch=value for three words
        [[ $word == = ]] || words+=("$word")
    done
    [[ $word != = ]] || words+=('')
    mapfile -t offers < <(PROGRAM completion words "${words[@]}")
    COMPREPLY=("${offers[@]%%$'\t'*}")
    if [[ ${COMPREPLY[0]} == :files ]]; then
        mapfile -t COMPREPLY < <(compgen -f -- "${words[-1]}")
        compopt -o filenames 2>/dev/null
    fi
    return 0
}
complete -F FUNCTION PROGRAM
