# SPDX-License-Identifier: MIT
# bash completion for memtrap
# shellcheck shell=bash

# The global variables of the program after "--", or of the process after -p.
_memtrap_variables()
{
	local program=

	for ((i = 1; i < ${#words[@]}; i++)); do
		case ${words[i]} in
		--)
			program=$(type -P -- "${words[i + 1]-}")
			break
			;;
		-p | --pid)
			program=/proc/${words[i + 1]-}/exe
			;;
		esac
	done
	[[ -z $program ]] || nm --defined-only -- "$program" 2>/dev/null |
		awk '$2 ~ /^[bBdD]$/ && $3 !~ /^_|[@.]/ { print $3 }'
}

_memtrap_watch()
{
	local i

	for ((i = 2; i < cword; i++)); do
		if [[ ${words[i]} == -- ]]; then
			_command_offset $((i + 1))
			return
		fi
	done
	case $prev in
	-p | --pid)
		_pids
		return
		;;
	-o | --output | --handler)
		_filedir
		return
		;;
	--engine)
		mapfile -t COMPREPLY < <(compgen -W 'auto kernel ptrace' -- "$cur")
		return
		;;
	--then)
		mapfile -t COMPREPLY < <(compgen -W 'stop kill core' -- "$cur")
		return
		;;
	--if | --print | --at | -n | --timeout | --buffer)
		return
		;;
	esac
	case $cur in
	--stack=*)
		mapfile -t COMPREPLY < <(compgen -W 'fp dwarf none' -- "${cur#*=}")
		;;
	-*)
		mapfile -t COMPREPLY < <(compgen -W '-w --write -r --read -a --access -x --exec -p --pid -f --follow
			--deep --if --print -n --timeout --changes --then -c --summary -o --output --json --stack= --at --pending
			--engine --user-only --guard --no-guard -q --quiet --intel --buffer --in-process --handler --help --' -- "$cur")
		[[ ${COMPREPLY[0]-} != *= ]] || compopt -o nospace
		;;
	*)
		mapfile -t COMPREPLY < <(compgen -W "$(_memtrap_variables)" -- "$cur")
		;;
	esac
}

_memtrap_debug()
{
	local i

	for ((i = 2; i < cword; i++)); do
		case ${words[i]} in
		-p | --pid | -c | --core | -x | --command | -ex | --ex | --eval-command | --cd | --tty)
			((++i))
			;;
		-*) ;;
		*)
			_command_offset "$i"
			return
			;;
		esac
	done
	case $prev in
	-p | --pid)
		_pids
		return
		;;
	-c | --core | -x | --command | --tty)
		_filedir
		return
		;;
	--cd)
		_filedir -d
		return
		;;
	-ex | --ex | --eval-command)
		return
		;;
	esac
	if [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W '-p --pid --args -c --core -x --command -ex --ex --eval-command
			-n -nx --nx -batch --batch --return-child-result --cd --tty --json -q --quiet --help' -- "$cur")
	else
		_command_offset "$cword"
	fi
}

_memtrap()
{
	local cur prev words cword

	_init_completion -n = || return
	if ((cword == 1)); then
		mapfile -t COMPREPLY < <(compgen -W 'watch debug doctor help --help --version' -- "$cur")
	elif [[ ${words[1]} == watch ]]; then
		_memtrap_watch
	elif [[ ${words[1]} == debug ]]; then
		_memtrap_debug
	elif [[ ${words[1]} == doctor ]]; then
		mapfile -t COMPREPLY < <(compgen -W '-q --quiet --json --help' -- "$cur")
	fi
}

complete -F _memtrap memtrap
