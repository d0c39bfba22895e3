# Holds every #include against layers.txt, its first file; the others are sources. Runs in the root, and the
# sources are named from there. Prints a line a violation and ends with status 1 if there was one.

function folder_of(path) {
    return path ~ /\// ? substr(path, 1, match(path, /\/[^\/]*$/) - 1) : "."
}

# Is `folder` the folder `parent`, or inside it?
function inside(folder, parent) {
    return folder == parent || index(folder, parent "/") == 1
}

function inside_any(folder, list,    names, count, i) {
    count = split(list, names, " ")
    for (i = 1; i <= count; i++)
        if (inside(folder, names[i]))
            return 1
    return 0
}

# The longest key of `rules` that is `folder` or holds it, or "".
function rule_for(rules, folder,    key, best) {
    best = ""
    for (key in rules)
        if (inside(folder, key) && length(key) > length(best))
            best = key
    return best
}

function readable(path,    line, status) {
    status = (getline line < path)
    close(path)
    return status >= 0
}

function report(text) {
    printf "%s:%d: %s\n", FILENAME, FNR, text
    violations++
}

function check_own(header, folder,    target, rule) {
    if (header !~ /\// || header ~ /(^|\/)\.\.?\//) {
        report("\"" header "\" is not a full path from the root")
        return
    }
    # A header made by the build stands beside its .in file.
    if (!readable(header) && !readable(header ".in")) {
        report("\"" header "\" does not exist")
        return
    }
    target = folder_of(header)
    if (header ~ /_internal\.h$/ && target != folder)
        report("\"" header "\" is internal to " target)
    rule = rule_for(see, folder)
    if (rule == "")
        report(folder " has no line in layers.txt")
    else if (!inside(target, rule) && !inside_any(target, see[rule]))
        report(rule " may not see \"" header "\" (only itself" \
               (see[rule] == "" ? "" : ", " see[rule]) ")")
}

function check_library(header, folder,    key, granted, rule) {
    granted = 0
    for (key in only)
        if (index(header, key) == 1) {
            if (inside_any(folder, only[key]))
                granted = 1
            else
                report(folder " may not see <" header "> (only " only[key] ")")
        }
    rule = rule_for(plain, folder)
    if (rule != "" && !granted && index(" " plain[rule] " ", " " header " ") == 0)
        report(rule " may not see <" header ">")
}

# layers.txt
NR == FNR {
    if ($0 ~ /^#/ || NF == 0)
        next
    rest = ""
    for (i = 3; i <= NF; i++)
        rest = rest (i > 3 ? " " : "") $i
    if ($1 == "see")
        see[$2] = rest
    else if ($1 == "only")
        only[$2] = rest
    else if ($1 == "c")
        plain[$2] = rest
    else
        report("\"" $1 "\" is none of see, only, c")
    next
}

FNR == 1 {
    files++
    folder = folder_of(FILENAME)
}

/^[ \t]*#[ \t]*include/ {
    rest = $0
    sub(/^[ \t]*#[ \t]*include[ \t]*/, "", rest)
    if (rest ~ /^"[^"]+"/)
        check_own(substr(rest, 2, index(substr(rest, 2), "\"") - 1), folder)
    else if (rest ~ /^<[^>]+>/)
        check_library(substr(rest, 2, index(rest, ">") - 2), folder)
    else
        report("an include must be spelled out")
}

END {
    if (files == 0) {
        print "no source files to check"
        violations++
    }
    printf "%d files, %d violations\n", files, violations
    exit violations > 0
}
