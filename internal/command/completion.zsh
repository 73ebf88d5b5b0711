#compdef PROGRAM
# zsh completion for PROGRAM
FUNCTION() {
    local -a offers=("${(@f)$(PROGRAM completion words "${(@)words[2,CURRENT]}")}")
    [[ $offers ]] || return 0
    if [[ $offers[1] == :files* ]]; then
        compset -P '-*='
        _files
        return
    fi
    offers=("${(@)${(@)offers//:/\\:}/$'\t'/:}") # _describe wants word:what it does
    _describe PROGRAM offers
}
FUNCTION "$@"
