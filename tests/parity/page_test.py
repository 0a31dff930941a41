"""The porting guide shows the calls that were compared, and runs."""

from absl.testing import absltest
from absl.testing import parameterized

from tests.parity import rows
from tests.parity import tables


class PageTest(parameterized.TestCase):

  def setUp(self):
    super().setUp()
    self.page = tables.PAGE.read_text(encoding='utf-8')

  @parameterized.named_parameters(
      ('tensorflow', 'tensorflow', rows.TENSORFLOW),
      ('keras', 'keras', rows.KERAS),
      ('torch', 'torch', rows.TORCH),
      ('gaps', 'gaps', rows.GAPS),
  )
  def test_shows_the_calls_of_every_row(self, name, table):
    shown = tables.read_calls(self.page, name)
    self.assertEqual(shown, [tables.calls(row) for row in table])

  def test_shows_half_precision(self):
    shown = tables.read_calls(self.page, 'halves')
    expected = [
        tables.calls(row) for row in rows.HALVES for _ in rows.HALF_SETTINGS
    ]
    self.assertEqual(shown, expected)

  def test_a_changed_call_is_noticed(self):
    changed = self.page.replace('eps=1e-7', 'eps=1e-8')
    self.assertNotEqual(
        tables.read_calls(changed, 'keras'),
        tables.read_calls(self.page, 'keras'),
    )

  def test_begins_with_its_only_title(self):
    titles = [line for line in self.page.splitlines() if line[:2] == '# ']
    self.assertLen(titles, 1)
    self.assertTrue(self.page.startswith(titles[0]))


if __name__ == '__main__':
  absltest.main()
