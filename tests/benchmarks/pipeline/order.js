// What the peers' function and code nodes do: the signature check of connectors/webhook, and mappings/webhook from a shop's order to
// the request, in one step. `crypto` and `secret` are set before it.

function checkSignature(headers, body) {
  const stamp = headers['x-timestamp'] || '';
  const expected = crypto.createHmac('sha256', secret).update(stamp + '.').update(body).digest();
  const given = Buffer.from(headers['x-signature'] || '', 'base64');
  if (given.length !== expected.length || !crypto.timingSafeEqual(given, expected)) throw new Error('the signature is wrong');
  if (!(Math.abs(Date.now() / 1000 - Number(stamp)) <= 300)) throw new Error('the time stamp is more than 300 s off');
}

function cents(value) {
  const amount = Math.round(Number(value) * 100);
  if (!Number.isFinite(amount)) throw new Error('not a number: ' + value);
  return amount;
}

function requestOf(order) {
  const money = (amount) => ({amount: (amount / 100).toFixed(2), currency: order.currency});
  const sum = (amounts) => amounts.reduce((total, amount) => total + amount, 0);
  const known = (record) => Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined && value !== null && value !== ''));
  const status = {
    paid: 'submitted', authorized: 'submitted', partially_paid: 'submitted', pending: 'review', refunded: 'cancelled', voided: 'cancelled',
  }[order.financial_status ?? 'paid'];
  if (!status) throw new Error('unknown financial status');
  if (!/^[A-Z]{3}$/.test(order.currency)) throw new Error('not a currency: ' + order.currency);
  if (!order.line_items || order.line_items.length === 0) throw new Error('an order needs at least one line');
  if (new Set(order.line_items.map((line) => line.id)).size < order.line_items.length) throw new Error('two lines have the same id');
  const goods = sum(order.line_items.map((line) => cents(line.price) * Number(line.quantity)));
  const discount = sum((order.discounts || []).map((cut) => cents(cut.amount)));
  const freight = sum((order.shipping_lines || []).map((charge) => cents(charge.price)));
  const total = cents(order.total_price);
  const net = goods - discount + freight;
  const address = order.shipping_address;
  return known({
    number: String(order.name),
    status,
    placed_at: new Date(order.created_at).toISOString().replace('.000Z', 'Z'),
    currency: order.currency,
    tax_included: order.taxes_included ?? (net + cents(order.total_tax || 0) !== total || net === total),
    customer: order.customer && order.customer.email ? String(order.customer.id) : undefined,
    buyer_email: order.customer && order.customer.email,
    ship_to: address && known({
      name: address.name, company: address.company, lines: [address.address1, address.address2].filter(Boolean), city: address.city,
      region: address.province, postcode: address.zip, country: address.country_code, phone: address.phone,
    }),
    lines: order.line_items.map((line) => {
      if (!line.sku) throw new Error('a line without a SKU cannot be delivered');
      if (!(Number(line.quantity) > 0)) throw new Error('the quantity of a line must be above zero');
      return known({
        id: String(line.id), sku: String(line.sku), title: line.title, quantity: String(line.quantity), unit_price: money(cents(line.price)),
      });
    }),
    shipping: (order.shipping_lines || []).map((charge) => ({title: charge.title ?? 'shipping', price: money(cents(charge.price))})),
    totals: known({
      goods: money(goods), discount: money(discount), freight: money(freight), total: money(total),
      tax: order.total_tax === undefined || order.total_tax === null ? undefined : money(cents(order.total_tax)),
    }),
    note: order.note,
  });
}

function headersOf(headers) {
  return {
    'content-type': 'application/json', 'idempotency-key': headers['x-event-id'], 'x-event-id': headers['x-event-id'],
    'x-topic': 'order/create', 'x-timestamp': String(Math.floor(Date.now() / 1000)),
  };
}
