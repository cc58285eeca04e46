# Reads a #cloud-config and prints, a line each,
#   user NAME       for each - name: below users:
#   key TEXT        for each entry of an ssh_authorized_keys:, wherever it is
#   hostkey LINE    the lines of ed25519_private: below ssh_keys:
#
# Understood is block style YAML: one key or list entry a line, strings plain, in
# single or in double quotes; ssh_authorized_keys also as ["a", 'b'] on one line;
# ed25519_private as a block (| |- |+) or in double quotes with \n. Everything
# else is skipped. Not understood: anchors, tags, a plain string over two lines,
# the whole document as JSON.

function indent(s) { match(s, /^ */); return RLENGTH }

function unquote(s,    q) {
	sub(/^[ \t]+/, "", s)
	sub(/[ \t]+$/, "", s)
	q = substr(s, 1, 1)
	if (q == "\"" || q == "'") {
		s = substr(s, 2)
		sub(q "[^" q "]*$", "", s)
		return s
	}
	sub(/[ \t]+#.*$/, "", s)
	return s
}

function key(s) { s = unquote(s); if (s ~ /^(ssh-|ecdsa-|sk-)/) print "key " s }

function hostlines(s,    n, i, part) {
	s = unquote(s)
	n = split(s, part, /\\n/)
	for (i = 1; i <= n; i++) if (part[i] != "") print "hostkey " part[i]
}

function flow(s,    n, i, part) {
	sub(/^[^[]*\[/, "", s)
	sub(/\][^\]]*$/, "", s)
	n = split(s, part, ",")
	for (i = 1; i <= n; i++) key(part[i])
}

{ sub(/\r$/, "") }

# inside a block scalar: every line that is deeper than its key, and empty ones
block {
	if ($0 ~ /^[ ]*$/) next
	if (indent($0) > blockAt) {
		if (blockIndent < 0) blockIndent = indent($0)
		if (wanted) print "hostkey " substr($0, blockIndent + 1)
		next
	}
	block = 0
}

/^[ ]*(#|$)/ { next }

{
	at = indent($0)
	text = substr($0, at + 1)
	if (at == 0 && text !~ /^-/) top = text
	inUsers = (top ~ /^['"]?users['"]?:/)

	# a list entry; its content begins after "- "
	entry = 0
	while (text ~ /^- /) {
		entry = 1
		sub(/^- +/, "", text)
	}
	if (listAt >= 0 && inKeys) {
		if (entry && at >= listAt) { key(text); next }
		inKeys = 0
	}

	name = text
	if (name !~ /^['"]?[A-Za-z_][A-Za-z0-9_-]*['"]?:([ ]|$)/) next
	sub(/:.*$/, "", name)
	gsub(/['"]/, "", name)
	value = text
	sub(/^[^:]*:[ ]*/, "", value)

	if (name == "name" && inUsers && unquote(value) ~ /^[a-z_][a-z0-9_-]*$/) print "user " unquote(value)

	if (name == "ssh_authorized_keys" || name == "ssh-authorized-keys") {
		if (value ~ /^\[/) flow(value)
		else if (value == "") { inKeys = 1; listAt = at }
	}
	if (value ~ /^[|>][-+0-9]*[ ]*$/) {
		block = 1; blockAt = at; blockIndent = -1
		wanted = (name == "ed25519_private")
	} else if (name == "ed25519_private") hostlines(value)
}
