/*
 * What a shell loads. Each asks this program by a hidden command, with the words up to the cursor, for a line for each
 * candidate: VALUE, a tab, what it is. One line `:files` means that the shell is to complete files.
 */

/** What shells call. */
export const completeWord = '__complete';

const bash = `# bash completion of bonded; load it by: source <(bonded completion bash)
_bonded() {
  local line value IFS=$'\\n'
  COMPREPLY=()
  while read -r line; do
    if [ "$line" = :files ]; then
      compopt -o default 2>/dev/null
      COMPREPLY=()
      return 0
    fi
    value=\${line%%$'\\t'*}
    case $value in *[:=]) compopt -o nospace 2>/dev/null ;; esac
    COMPREPLY+=("$value")
  done < <("$1" ${completeWord} bash "$COMP_WORDBREAKS" "\${COMP_LINE:0:COMP_POINT}" 2>/dev/null </dev/null)
  return 0
}
complete -F _bonded bonded
`;

const zsh = `#compdef bonded
# zsh completion of bonded; load it by: source <(bonded completion zsh)
# or write it to a file _bonded in a folder of $fpath.
_bonded() {
  local line value brief
  local -a values briefs open
  while IFS= read -r line; do
    if [[ $line == :files ]]; then
      _files
      return
    fi
    value=\${line%%$'\\t'*}
    brief=\${line#*$'\\t'}
    if [[ $value == *[:=] ]]; then
      open+=("$value")
    else
      values+=("$value")
      briefs+=("$value  -- $brief")
    fi
  done < <("$words[1]" ${completeWord} zsh "\${(@)words[2,CURRENT-1]}" "$PREFIX" 2>/dev/null </dev/null)
  (( $#open )) && compadd -S '' -a open
  (( $#values )) && compadd -l -d briefs -a values
  (( $#open + $#values ))
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
  _bonded "$@"
elif (( $+functions[compdef] )); then
  compdef _bonded bonded
fi
`;

const fish = `# fish completion of bonded; load it by: bonded completion fish | source
function __bonded_complete
    set -l words (commandline -opc)
    set -l found ($words[1] ${completeWord} fish $words[2..-1] (commandline -ct) 2>/dev/null </dev/null)
    if test "$found" = :files
        __fish_complete_path (commandline -ct)
    else
        printf '%s\\n' $found
    end
end
complete -c bonded -f -a '(__bonded_complete)'
`;

export const scripts = { bash, zsh, fish } as const;
export type Shell = keyof typeof scripts;
