#include <string.h>

#include "shared/err.h"

#include "daemon/control/peer.h"

#include "tests/unit/test.h"

static const struct control_rights rights = {
	.own = 900,
	.has_operator = true,
	.has_admin = true,
	.operator_group = 70,
	.admin_group = 80,
};

static void root_and_the_daemons_user_may_do_everything(void **state)
{
	const gid_t none[] = {5};

	(void)state;
	assert_int_equal(control_right_of(&rights, 0, none, 1), RIGHT_ADMIN);
	assert_int_equal(control_right_of(&rights, 900, none, 1), RIGHT_ADMIN);
	assert_int_equal(control_right_of(&rights, 901, none, 1), RIGHT_READ);
}

static void groups_give_rights_wherever_they_stand(void **state)
{
	const gid_t first[] = {70, 5}, last[] = {5, 6, 70}, both[] = {70, 80};

	(void)state;
	assert_int_equal(control_right_of(&rights, 1000, first, 2), RIGHT_OPERATE);
	assert_int_equal(control_right_of(&rights, 1000, last, 3), RIGHT_OPERATE);
	assert_int_equal(control_right_of(&rights, 1000, both, 2), RIGHT_ADMIN);
	assert_int_equal(control_right_of(&rights, 1000, both, 0), RIGHT_READ);
}

static void groups_that_are_not_set_give_nothing(void **state)
{
	const struct control_rights unset = {.own = 900};
	const gid_t root_group[] = {0};

	(void)state;
	assert_int_equal(control_right_of(&unset, 1000, root_group, 1), RIGHT_READ);
}

static void a_group_that_does_not_exist_is_told(void **state)
{
	struct conf conf = {.control = {.group = (char *)"",
					.operator_group = (char *)"no-such-group-here",
					.admin_group = (char *)""}};
	struct control_rights r;
	char why[200] = "";

	(void)state;
	assert_int_equal(control_rights_load(&r, &conf, why, sizeof why), ERR_UNKNOWN);
	assert_non_null(strstr(why, "control.operator_group"));
	conf.control.operator_group = (char *)"root";
	assert_int_equal(control_rights_load(&r, &conf, why, sizeof why), 0);
	assert_true(r.has_operator && !r.has_admin && !r.has_group);
	assert_int_equal(r.operator_group, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(root_and_the_daemons_user_may_do_everything),
		cmocka_unit_test(groups_give_rights_wherever_they_stand),
		cmocka_unit_test(groups_that_are_not_set_give_nothing),
		cmocka_unit_test(a_group_that_does_not_exist_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
