"""The page's style. Light and dark follow the reader's setting; nothing is loaded."""

STYLE = """
:root{color-scheme:light dark;--line:#8884;--dim:#767676;--s0:#0b6bcb;--s1:#8d8d8d;--s2:#b58900;--s3:#7b5cc4;
--s4:#c2571a;--s5:#2a8f5b;--good:#1a7f37;--bad:#cf222e}
body{font:15px/1.5 system-ui,sans-serif;max-width:1180px;margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem;margin:0}h2{font-size:1.15rem;margin:2.2rem 0 .4rem}h3{font-size:1rem;margin:1rem 0 .2rem}
p{margin:.3rem 0}.dim{color:var(--dim)}.good{color:var(--good)}.bad{color:var(--bad)}.harm{color:var(--bad);font-weight:700}
.wide{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:13px}
th,td{padding:.2rem .6rem;text-align:right;white-space:nowrap;border-bottom:1px solid var(--line)}
th:first-child,td:first-child,td.left,th.left{text-align:left}tr.all td{font-weight:600}td.left{white-space:normal}
svg{width:100%;max-width:860px;height:auto;display:block}svg text{font-size:11px;fill:currentColor}
.grid{stroke:var(--line)}.range{stroke-width:2;opacity:.55}
.s0{stroke:var(--s0);fill:var(--s0)}.s1{stroke:var(--s1);fill:var(--s1)}.s2{stroke:var(--s2);fill:var(--s2)}
.s3{stroke:var(--s3);fill:var(--s3)}.s4{stroke:var(--s4);fill:var(--s4)}.s5{stroke:var(--s5);fill:var(--s5)}
.h0{fill:var(--good)}.h1{fill:var(--bad)}.key{display:inline-block;margin-right:1rem}
.key i{display:inline-block;width:.7em;height:.7em;border-radius:50%;margin-right:.35em}
.key i.s0,.key i.h0{background:var(--s0)}.key i.s1{background:var(--s1)}.key i.s2{background:var(--s2)}
.key i.s3{background:var(--s3)}.key i.s4{background:var(--s4)}.key i.s5{background:var(--s5)}
.key i.h0{background:var(--good)}.key i.h1{background:var(--bad)}
details{border-bottom:1px solid var(--line)}details details{border:0}
summary{cursor:pointer;padding:.25rem 0;display:grid;gap:.6rem;grid-template-columns:1.2em 3fr 1.4fr 1.4fr 1fr 4em}
details details>summary{display:list-item;padding:0}
.case{padding:.2rem 0 1rem 1.8rem}pre{white-space:pre-wrap;overflow-wrap:anywhere;background:#8881;padding:.5rem;margin:.2rem 0;
font-size:12px;max-height:34rem;overflow-y:auto}ul{margin:.2rem 0;padding-left:1.2rem}li{overflow-wrap:anywhere}
@media(max-width:700px){summary{grid-template-columns:1.2em 3fr 2fr}summary>:nth-child(n+4){display:none}}
"""
