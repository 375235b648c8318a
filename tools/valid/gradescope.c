/* gradescope FILE...: is each file what Gradescope documents as results.json? Says
   what is not, and ends with 1. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

static const char *file;
static int bad;

static void wrong(const char *key, const char *what)
{
    printf("%s: \"%s\" %s\n", file, key, what);
    bad = 1;
}

/* rule: n a number, s a text, a an array, o an object, v a visibility, t a status, f a format */
struct rule { const char *key, kind; };

static int one_of(const json_t *value, const char *list)
{
    char word[40];
    if (!json_is_string(value) || strlen(json_string_value(value)) > 30)
        return 0;
    snprintf(word, sizeof word, " %s ", json_string_value(value));
    return strstr(list, word) != NULL;
}

static int follows(const json_t *value, char kind)
{
    switch (kind) {
    case 'n': return json_is_number(value);
    case 's': return json_is_string(value);
    case 'a': return json_is_array(value);
    case 'o': return json_is_object(value);
    case 'v': return one_of(value, " hidden after_due_date after_published visible ");
    case 't': return one_of(value, " passed failed ");
    default: return one_of(value, " text html simple_format md ansi ");
    }
}

static void check(json_t *object, const struct rule *rule, size_t rules)
{
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value) {
        size_t i = 0;
        while (i < rules && strcmp(rule[i].key, key) != 0)
            i++;
        if (i == rules)
            wrong(key, "is not documented");
        else if (!follows(value, rule[i].kind))
            wrong(key, "is of another kind");
    }
}

static const struct rule top[] = {
    { "score", 'n' }, { "execution_time", 'n' }, { "output", 's' }, { "output_format", 'f' },
    { "test_output_format", 'f' }, { "test_name_format", 'f' }, { "visibility", 'v' },
    { "stdout_visibility", 'v' }, { "extra_data", 'o' }, { "tests", 'a' }, { "leaderboard", 'a' },
};
static const struct rule test[] = {
    { "score", 'n' }, { "max_score", 'n' }, { "status", 't' }, { "name", 's' }, { "name_format", 'f' },
    { "number", 's' }, { "output", 's' }, { "output_format", 'f' }, { "tags", 'a' }, { "visibility", 'v' },
    { "extra_data", 'o' },
};

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        json_error_t error;
        json_t *root = json_load_file(file = argv[i], JSON_REJECT_DUPLICATES, &error), *one;
        size_t k;
        if (root == NULL || !json_is_object(root)) {
            wrong("", root == NULL ? error.text : "is no object");
            continue;
        }
        check(root, top, sizeof top / sizeof top[0]);
        if (json_object_get(root, "score") == NULL && json_object_get(root, "tests") == NULL)
            wrong("score", "is missing, and so are tests");
        json_array_foreach(json_object_get(root, "tests"), k, one) {
            if (!json_is_object(one))
                wrong("tests", "holds what is no object");
            check(one, test, sizeof test / sizeof test[0]);
            if (json_number_value(json_object_get(one, "score")) > json_number_value(json_object_get(one, "max_score")))
                wrong("score", "is above max_score");
        }
        json_decref(root);
    }
    return bad;
}
